<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\Common\Database\QueryUtils;
use OpenEMR\Common\Http\HttpRestRequest;
use OpenEMR\Common\Uuid\UuidRegistry;
use Symfony\Component\HttpFoundation\Response;

/** Consent and Media, kept as sent in the module's own table; for Media only facts, never sound. */
final class ResourceController
{
    private const STATUSES = [
        'Consent' => ['active', 'rejected', 'inactive'],
        'Media' => ['in-progress', 'completed', 'stopped'],
    ];
    private const PARAMETERS = [
        'patient', 'subject', 'identifier', 'status', 'encounter', '_id', '_lastUpdated', '_count',
    ];

    public function __construct(
        private readonly string $kind,
        private readonly Settings $settings,
        private readonly ?\Closure $coreRead = null,
        private readonly ?\Closure $coreSearch = null
    ) {
    }

    public function create(HttpRestRequest $request): Response
    {
        return Gate::write($request, "POST $this->kind", function (Caller $caller) use ($request): Response {
            $body = Gate::body($request, $this->kind);
            $this->demandChart($caller, $body);
            $key = $this->valid($body);
            $sql = 'SELECT * FROM chartside_resource WHERE kind = ? AND identifier_system = ? AND identifier_value = ?';
            if ($there = QueryUtils::fetchRecords($sql, [$this->kind, ...$key])[0] ?? null) {
                if ((int)$there['pid'] !== $caller->pid) {
                    throw new Refusal(409, 'duplicate', 'This identifier is used in another chart.');
                }
                return Answer::resource(200, $this->shown($there));
            }
            $random = random_bytes(16);
            $random[6] = chr(ord($random[6]) & 0x0f | 0x40);
            $random[8] = chr(ord($random[8]) & 0x3f | 0x80);
            $uuid = UuidRegistry::uuidToString($random);
            $now = gmdate('Y-m-d H:i:s');
            QueryUtils::sqlStatementThrowException(
                'INSERT INTO chartside_resource (uuid, kind, identifier_system, identifier_value, pid, version,'
                . ' updated, user, body) VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?)',
                [$uuid, $this->kind, ...$key, $caller->pid, $now, $caller->user, Answer::encoded($body)]
            );
            return Answer::resource(201, $this->shown($this->row($caller, $uuid)));
        });
    }

    public function update(string $uuid, HttpRestRequest $request): Response
    {
        return Gate::write($request, "PUT $this->kind", function (Caller $caller) use ($uuid, $request): Response {
            $body = Gate::body($request, $this->kind, $uuid);
            $caller->demandPatient($this->patientOf($body));
            $row = $this->row($caller, $uuid);
            $this->demandChart($caller, $body);
            if ($this->valid($body) !== [$row['identifier_system'], $row['identifier_value']]) {
                throw new Refusal(422, 'value', 'The first identifier may not change.');
            }
            Gate::demandVersion($request, (int)$row['version']);
            QueryUtils::sqlStatementThrowException(
                'UPDATE chartside_resource SET version = version + 1, updated = ?, user = ?, body = ? WHERE uuid = ?',
                [gmdate('Y-m-d H:i:s'), $caller->user, Answer::encoded($body), $uuid]
            );
            return Answer::resource(200, $this->shown($this->row($caller, $uuid)));
        });
    }

    public function read(string $uuid, HttpRestRequest $request): mixed
    {
        $isOurs = $this->coreRead === null || QueryUtils::fetchRecords(
            'SELECT uuid FROM chartside_resource WHERE kind = ? AND uuid = ?',
            [$this->kind, $uuid]
        );
        return !$isOurs ? ($this->coreRead)($uuid, $request) : Gate::read(
            $request,
            "GET $this->kind",
            fn(Caller $caller): Response => Answer::resource(200, $this->shown($this->row($caller, $uuid)))
        );
    }

    public function search(HttpRestRequest $request): mixed
    {
        $wanted = $request->getQueryParams();
        $unknown = array_diff(array_keys($wanted), self::PARAMETERS);
        if ($unknown && $this->coreSearch) {
            return ($this->coreSearch)($request);
        }
        $work = function (Caller $caller) use ($request, $wanted, $unknown): Response {
            if ($unknown) {
                throw new Refusal(400, 'not-supported', 'Known are: ' . implode(', ', self::PARAMETERS) . '.');
            }
            $found = array_values(array_filter($this->ofChart($caller), Matcher::of($wanted, $caller)));
            $theirs = $this->coreSearch && !isset($wanted['identifier']) ? $this->fromCore($request) : [];
            $count = max(1, min(200, (int)($wanted['_count'] ?? 100)));
            $all = [...$theirs, ...$found];
            return Answer::bundle(array_slice($all, 0, $count), count($all));
        };
        return Gate::read($request, "GET $this->kind", $work);
    }

    /** @return list<array> what OpenEMR itself has of this kind; it answers in one of three shapes, by version */
    private function fromCore(HttpRestRequest $request): array
    {
        $answer = ($this->coreSearch)($request);
        $bundle = match (true) {
            $answer instanceof Response => json_decode((string)$answer->getContent(), true),
            is_object($answer) && method_exists($answer, 'getBody') => json_decode((string)$answer->getBody(), true),
            default => $answer,
        };
        return is_array($bundle) ? array_column($bundle['entry'] ?? [], 'resource') : [];
    }

    /** @return list<array> newest first */
    private function ofChart(Caller $caller): array
    {
        $sql = 'SELECT * FROM chartside_resource WHERE kind = ? AND pid = ? ORDER BY updated DESC, uuid';
        return array_map($this->shown(...), QueryUtils::fetchRecords($sql, [$this->kind, $caller->pid]));
    }

    private function row(Caller $caller, string $uuid): array
    {
        $sql = 'SELECT * FROM chartside_resource WHERE kind = ? AND uuid = ? AND pid = ?';
        $found = Caller::isUuid($uuid) ? QueryUtils::fetchRecords($sql, [$this->kind, $uuid, $caller->pid]) : [];
        return $found[0] ?? throw new Refusal(404, 'not-found', "There is no such $this->kind in this chart.");
    }

    private function shown(array $row): array
    {
        $body = json_decode($row['body'], true);
        $meta = ['versionId' => (string)$row['version'], 'lastUpdated' => str_replace(' ', 'T', $row['updated']) . 'Z'];
        return ['resourceType' => $this->kind, 'id' => $row['uuid'], 'meta' => $meta + ($body['meta'] ?? [])] + $body;
    }

    private function patientOf(array $body): mixed
    {
        return $body[$this->kind === 'Consent' ? 'patient' : 'subject']['reference'] ?? null;
    }

    private function demandChart(Caller $caller, array $body): void
    {
        if ($this->kind === 'Consent' && !isset($body['patient'])) {
            throw new Refusal(422, 'required', 'A Consent kept here names its patient.');
        }
        $caller->demandPatient($this->patientOf($body));
        foreach (self::encountersOf($body) as $encounter) {
            $caller->encounter($encounter);
        }
    }

    /** @return list<mixed> the references to encounters, as they stand in the body */
    public static function encountersOf(array $body): array
    {
        $data = $body['provision']['data'] ?? [];
        $named = is_array($data) ? array_column(array_column($data, 'reference'), 'reference') : [];
        $own = $body['encounter']['reference'] ?? null;
        $related = preg_grep('/(?:\A|\/)Encounter\//', array_filter($named, 'is_string'));
        return [...$related, ...($own === null ? [] : [$own])];
    }

    /** @return array{0: string, 1: string} the first identifier */
    private function valid(array $body): array
    {
        if (!is_array($body['meta'] ?? [])) {
            throw new Refusal(422, 'structure', 'The meta of a resource is an object.');
        }
        $statuses = self::STATUSES[$this->kind];
        if (!in_array($body['status'] ?? null, $statuses, true)) {
            throw new Refusal(422, 'value', 'The status is not one of ' . implode(', ', $statuses) . '.');
        }
        if ($this->kind === 'Media' && isset($body['content']['data'])) {
            throw new Refusal(422, 'value', 'No sound is kept here.');
        }
        $url = $body['content']['url'] ?? null;
        if ($this->kind === 'Media' && $url !== null && !$this->settings->isBelowAddress($url)) {
            throw new Refusal(422, 'value', 'The address of the recording is not below that of Chartside.');
        }
        return Gate::identifier($body, 80);
    }
}
