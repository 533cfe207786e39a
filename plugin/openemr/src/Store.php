<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\Common\Database\QueryUtils;
use OpenEMR\Common\Uuid\UuidRegistry;
use Ramsey\Uuid\Uuid;

/** The module's own rows of all three kinds; a note's row joins the Clinical Note that OpenEMR keeps. */
final class Store
{
    private const SELECT = 'SELECT r.*, n.description, n.form_id, n.encounter, f.id AS forms_id'
        . ' FROM chartside_resource r'
        . ' LEFT JOIN form_clinical_notes n ON n.id = r.note_id AND n.activity = 1'
        . ' LEFT JOIN forms f ON f.form_id = n.form_id AND f.encounter = n.encounter AND f.deleted = 0'
        . " AND f.formdir = 'clinical_notes' WHERE r.kind = ? AND ";

    public static function byUuid(string $kind, string $uuid): ?array
    {
        return self::found('r.uuid = ?', [$kind, $uuid])[0] ?? null;
    }

    /** @param array{0: string, 1: string} $key */
    public static function byKey(string $kind, array $key): ?array
    {
        return self::found('r.identifier_system = ? AND r.identifier_value = ?', [$kind, ...$key])[0] ?? null;
    }

    /** @return list<array> newest first */
    public static function ofChart(string $kind, int $pid): array
    {
        return self::found('r.pid = ? ORDER BY r.updated DESC, r.uuid', [$kind, $pid]);
    }

    /** Say whether it is of a note that was deleted in OpenEMR, or whose form was. */
    public static function isGone(array $row): bool
    {
        return $row['note_id'] !== null && $row['forms_id'] === null;
    }

    /** @param array $note id and uuid of the Clinical Note, under which OpenEMR shows it; empty for the other kinds */
    public static function insert(
        string $kind,
        array $key,
        Caller $caller,
        array $body,
        array $note,
        string $text
    ): string {
        $uuid = UuidRegistry::uuidToString($note['uuid'] ?? Uuid::uuid4()->getBytes());
        QueryUtils::sqlStatementThrowException(
            'INSERT INTO chartside_resource (uuid, kind, identifier_system, identifier_value, pid, updated, user, body,'
            . ' note_id, text_sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
            [$uuid, $kind, ...$key, $caller->pid, gmdate('Y-m-d H:i:s'), $caller->user, Answer::encoded($body),
                $note['id'] ?? null, hash('sha256', $text)]
        );
        return $uuid;
    }

    public static function update(string $uuid, Caller $caller, array $body, string $text): void
    {
        QueryUtils::sqlStatementThrowException(
            'UPDATE chartside_resource SET version = version + 1, updated = ?, user = ?, body = ?, text_sha256 = ?,'
            . ' changed_in_ehr = 0 WHERE uuid = ?',
            [gmdate('Y-m-d H:i:s'), $caller->user, Answer::encoded($body), hash('sha256', $text), $uuid]
        );
    }

    /** @return list<array> A note's text that is no longer the one filed was changed in OpenEMR: a new version. */
    private static function found(string $where, array $bound): array
    {
        $rows = QueryUtils::fetchRecords(self::SELECT . $where, $bound);
        foreach ($rows as $number => $row) {
            $hash = hash('sha256', (string)$row['description']);
            if ($row['note_id'] !== null && !self::isGone($row) && $hash !== $row['text_sha256']) {
                QueryUtils::sqlStatementThrowException(
                    'UPDATE chartside_resource SET version = version + 1, updated = ?, text_sha256 = ?,'
                    . ' changed_in_ehr = 1 WHERE uuid = ?',
                    [gmdate('Y-m-d H:i:s'), $hash, $row['uuid']]
                );
                $rows[$number] = QueryUtils::fetchRecords(self::SELECT . 'r.uuid = ?', [$row['kind'], $row['uuid']])[0];
            }
        }
        return $rows;
    }
}
