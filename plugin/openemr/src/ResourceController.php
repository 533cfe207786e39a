<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\Common\Http\HttpRestRequest;
use Symfony\Component\HttpFoundation\Response;

/** Consent, Media and DocumentReference by one set of rules; what is a note's alone stands in Note. */
final class ResourceController
{
    /** Where a kind names its patient, its statuses, and how long its first identifier may be (OpenEMR's columns). */
    public const KINDS = [
        'Consent' => ['patient' => 'patient', 'statuses' => ['active', 'rejected', 'inactive'], 'longest' => 80],
        'Media' => ['patient' => 'subject', 'statuses' => ['in-progress', 'completed', 'stopped'], 'longest' => 80],
        'DocumentReference' => ['patient' => 'subject', 'statuses' => ['current', 'superseded'], 'longest' => 30],
    ];
    private const PARAMETERS = [
        'patient', 'subject', 'identifier', 'status', 'encounter', '_id', '_lastUpdated', '_count',
    ];

    /** @param ?\Closure $coreRead, $coreSearch OpenEMR's own handlers for this kind, where it has any */
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
            $caller->demandPatient($this->patientOf($body));
            $encounter = $this->encounter($body, $caller);
            $key = $this->key($body);
            $note = $this->isNote() ? Note::from($body, $caller, $encounter) : null;
            if ($there = Store::byKey($this->kind, $key)) {
                Refusal::when((int)$there['pid'] !== $caller->pid || Store::isGone($there), 'taken');
                return Answer::resource(200, $this->shown($there));
            }
            $note?->demandUnlocked();
            $written = $note?->write($caller, $this->settings) ?? [];
            $uuid = Store::insert($this->kind, $key, $caller, $note->kept ?? $body, $written, $note->text ?? '');
            return Answer::resource(201, $this->shown($this->row($uuid, $caller)));
        });
    }

    public function update(string $uuid, HttpRestRequest $request): Response
    {
        return Gate::write($request, "PUT $this->kind", function (Caller $caller) use ($uuid, $request): Response {
            $body = Gate::body($request, $this->kind, $uuid);
            $caller->demandPatient($this->patientOf($body));
            $row = $this->row($uuid, $caller);
            $encounter = $this->encounter($body, $caller);
            $key = [$row['identifier_system'], $row['identifier_value']];
            Refusal::when($this->key($body) !== $key, 'other-identifier');
            $note = $this->isNote() ? Note::from($body, $caller, $encounter) : null;
            $note?->demandEncounterOf($row);
            Gate::demandVersion($request, (int)$row['version']);
            if ($note?->demandChangeable($row)) {
                $note->write($caller, $this->settings, $row);
            }
            Store::update($uuid, $caller, $note->kept ?? $body, $note->text ?? '');
            return Answer::resource(200, $this->shown($this->row($uuid, $caller)));
        });
    }

    public function read(string $uuid, HttpRestRequest $request): mixed
    {
        $isOurs = $this->coreRead === null || Store::byUuid($this->kind, $uuid) !== null;
        return !$isOurs ? ($this->coreRead)($uuid, $request) : Gate::read(
            $request,
            "GET $this->kind",
            fn(Caller $caller): Response => Answer::resource(200, $this->shown($this->row($uuid, $caller)))
        );
    }

    public function search(HttpRestRequest $request): mixed
    {
        $wanted = $request->getQueryParams();
        $unknown = array_diff(array_keys($wanted), self::PARAMETERS);
        if ($unknown && $this->coreSearch) {
            return ($this->coreSearch)($request);
        }
        return Gate::read($request, "GET $this->kind", function (Caller $caller) use ($request, $wanted, $unknown) {
            Refusal::when($unknown !== [], 'unknown-parameter');
            $ours = array_map($this->shown(...), Store::ofChart($this->kind, $caller->pid));
            $theirs = $this->coreSearch && !isset($wanted['identifier']) ? $this->fromCore($request) : [];
            $all = [...$theirs, ...array_filter($ours, Matcher::of($wanted, $caller))];
            $count = max(1, min(200, (int)($wanted['_count'] ?? 100)));
            return Answer::bundle(array_slice($all, 0, $count), count($all));
        });
    }

    /** Answer GET /api/chartside/{id}: the version, state and lock of a note that core's FHIR does not tell. */
    public function state(string $uuid, HttpRestRequest $request): Response
    {
        return Gate::read($request, 'GET note state', function (Caller $caller) use ($uuid): Response {
            $row = $this->row($uuid, $caller);
            $shown = $this->shown($row);
            return Answer::json(200, [
                'id' => $uuid,
                'identifier' => $shown['identifier'][0],
                'version' => (int)$row['version'],
                'etag' => "W/\"{$row['version']}\"",
                'status' => $shown['status'],
                'docStatus' => $shown['docStatus'],
                'locked' => Note::isLocked($row),
                'changedInEhr' => (bool)$row['changed_in_ehr'],
                'patient' => $shown['subject']['reference'],
                'encounter' => $shown['context']['encounter'][0]['reference'],
                'lastModified' => $shown['meta']['lastUpdated'],
                'text' => $row['description'],
            ]);
        });
    }

    /** @return list<mixed> the references to encounters, as they stand in the body */
    public static function encountersOf(array $body): array
    {
        $data = $body['provision']['data'] ?? [];
        $named = is_array($data) ? array_column(array_column($data, 'reference'), 'reference') : [];
        $related = preg_grep('/(?:\A|\/)Encounter\//', array_filter($named, 'is_string'));
        $own = $body['encounter']['reference'] ?? $body['context']['encounter'][0]['reference'] ?? null;
        return [...$related, ...($own === null ? [] : [$own])];
    }

    private function isNote(): bool
    {
        return $this->kind === 'DocumentReference';
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

    private function row(string $uuid, Caller $caller): array
    {
        $row = Caller::isUuid($uuid) ? Store::byUuid($this->kind, $uuid) : null;
        $isHere = $row !== null && $caller->pid !== 0 && (int)$row['pid'] === $caller->pid && !Store::isGone($row);
        Refusal::when(!$isHere, 'not-here');
        return $row;
    }

    private function shown(array $row): array
    {
        $body = json_decode($row['body'], true);
        $meta = ['versionId' => (string)$row['version'], 'lastUpdated' => str_replace(' ', 'T', $row['updated']) . 'Z'];
        $body = ['resourceType' => $this->kind, 'id' => $row['uuid'], 'meta' => $meta + ($body['meta'] ?? [])] + $body;
        return $this->isNote() ? $body + ['content' => Note::content((string)$row['description'])] : $body;
    }

    private function patientOf(array $body): mixed
    {
        $element = self::KINDS[$this->kind]['patient'];
        Refusal::when($element === 'patient' && !isset($body[$element]), 'no-patient');
        return $body[$element]['reference'] ?? null;
    }

    /** @return ?array{uuid: string, number: int} the last of the body's encounters, all of which are the patient's */
    private function encounter(array $body, Caller $caller): ?array
    {
        $found = array_map($caller->encounter(...), self::encountersOf($body));
        return array_pop($found);
    }

    /** @return array{0: string, 1: string} the first identifier of a body that is as it should be */
    private function key(array $body): array
    {
        Refusal::when(!is_array($body['meta'] ?? []), 'odd-meta');
        ['statuses' => $statuses, 'longest' => $longest] = self::KINDS[$this->kind];
        Refusal::when(!in_array($body['status'] ?? null, $statuses, true), 'odd-status');
        if ($this->kind === 'Media') {
            Refusal::when(isset($body['content']['data']), 'sound');
            $url = $body['content']['url'] ?? null;
            Refusal::when($url !== null && !$this->settings->isBelowAddress($url), 'foreign-recording');
        }
        return Gate::identifier($body, $longest);
    }
}
