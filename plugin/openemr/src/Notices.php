<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\Common\Database\QueryUtils;

/** The module's own rows behind the pop-up and the portal card; none names a patient or a session. */
final class Notices
{
    /** Count what this user has not been shown yet, and mark it shown. */
    public static function takeReady(string $user): int
    {
        $where = "WHERE kind = 'ready' AND user = ? AND shown = 0 AND expires > ?";
        $bound = [$user, gmdate('Y-m-d H:i:s')];
        $count = (int)QueryUtils::fetchSingleValue("SELECT COUNT(*) AS n FROM chartside_notice $where", 'n', $bound);
        if ($count > 0) {
            QueryUtils::sqlStatementThrowException("UPDATE chartside_notice SET shown = 1 $where", $bound);
        }
        return $count;
    }

    /** Return the client's newest link that has not expired; empty for none. */
    public static function link(int $pid): string
    {
        $sql = "SELECT url FROM chartside_notice WHERE kind = 'joinLink' AND pid = ? AND expires > ?"
            . ' ORDER BY expires DESC';
        $rows = $pid > 0 ? QueryUtils::fetchRecords($sql, [$pid, gmdate('Y-m-d H:i:s')]) : [];
        return (string)($rows[0]['url'] ?? '');
    }

    /** @return bool whether it is new; the same kind and key of another user or chart is refused */
    public static function add(string $kind, string $key, string $user, int $pid, string $url, int $expires): bool
    {
        $now = gmdate('Y-m-d H:i:s');
        QueryUtils::sqlStatementThrowException('DELETE FROM chartside_notice WHERE expires < ?', [$now]);
        $sql = 'SELECT user, pid FROM chartside_notice WHERE kind = ? AND notice_key = ?';
        if ($there = QueryUtils::fetchRecords($sql, [$kind, $key])) {
            $isOurs = $there[0]['user'] === $user && (int)$there[0]['pid'] === $pid;
            return $isOurs ? false : throw new Refusal('key-taken');
        }
        QueryUtils::sqlStatementThrowException(
            'INSERT INTO chartside_notice (kind, notice_key, user, pid, url, expires) VALUES (?, ?, ?, ?, ?, ?)',
            [$kind, $key, $user, $pid, $url, gmdate('Y-m-d H:i:s', $expires)]
        );
        return true;
    }
}
