<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\Common\Http\HttpRestRequest;
use Symfony\Component\HttpFoundation\Response;

/** DocumentReference writes, kept as Clinical Notes; reading and searching them is OpenEMR's own. */
final class NoteController
{
    private const CATEGORY = [[
        'system' => 'http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category',
        'code' => 'clinical-note',
        'display' => 'Clinical Note',
    ]];

    public function __construct(private readonly Settings $settings, private readonly NoteRepository $notes)
    {
    }

    public function create(HttpRestRequest $request): Response
    {
        return Gate::write($request, 'POST DocumentReference', function (Caller $caller) use ($request): Response {
            $note = Note::from(Gate::body($request, 'DocumentReference'), $caller);
            $chart = $this->notes->chartOfKey($note->key);
            if ($chart !== null) {
                $there = $chart === $caller->pid ? $this->notes->byKey($note->key) : null;
                return $there === null
                    ? throw new Refusal(409, 'duplicate', 'This identifier is used elsewhere or by a deleted note.')
                    : Answer::resource(200, $this->shown($there, $caller));
            }
            if ($this->notes->isLocked(0, $note->encounter['number'])) {
                throw new Refusal(409, 'lock-error', 'The encounter is signed and locked in OpenEMR.');
            }
            return Answer::resource(201, $this->shown($this->notes->insert($note, $caller, $this->settings), $caller));
        });
    }

    public function update(string $uuid, HttpRestRequest $request): Response
    {
        $work = function (Caller $caller) use ($uuid, $request): Response {
            $body = Gate::body($request, 'DocumentReference', $uuid);
            $caller->demandPatient($body['subject']['reference'] ?? null);
            $row = $this->row($uuid, $caller);
            $note = Note::from($body, $caller);
            if (
                $note->key !== [$row['identifier_system'], $row['identifier_value']]
                || $note->encounter['uuid'] !== $row['encounter_uuid']
            ) {
                throw new Refusal(422, 'value', 'The first identifier and the encounter of a note may not change.');
            }
            Gate::demandVersion($request, (int)$row['version']);
            $isSame = $note->text === $row['description'] && $note->docStatus === $row['doc_status'];
            $isOnlyRetired = $isSame && $note->status === 'superseded';
            if (!$isOnlyRetired && $this->notes->isLocked((int)$row['forms_id'], (int)$row['encounter'])) {
                throw new Refusal(409, 'lock-error', 'The note is signed and locked in OpenEMR.');
            }
            if ($row['doc_status'] !== 'preliminary' && !$isOnlyRetired) {
                throw new Refusal(409, 'business-rule', 'The note is signed: file an amendment instead.');
            }
            $stored = $this->notes->update($row, $note, $caller, $this->settings, !$isOnlyRetired);
            return Answer::resource(200, $this->shown($stored, $caller));
        };
        return Gate::write($request, 'PUT DocumentReference', $work);
    }

    /** Answer GET /api/chartside/{id}: the version, state and lock that core's FHIR does not tell. */
    public function state(string $uuid, HttpRestRequest $request): Response
    {
        return Gate::read($request, 'GET note state', function (Caller $caller) use ($uuid): Response {
            $row = $this->row($uuid, $caller);
            $shown = $this->shown($row, $caller);
            return Answer::json(200, [
                'id' => $uuid,
                'identifier' => $shown['identifier'][0],
                'version' => (int)$row['version'],
                'etag' => "W/\"{$row['version']}\"",
                'status' => $row['status'],
                'docStatus' => $row['doc_status'],
                'locked' => $this->notes->isLocked((int)$row['forms_id'], (int)$row['encounter']),
                'changedInEhr' => (bool)$row['changed_in_ehr'],
                'patient' => $shown['subject']['reference'],
                'encounter' => $shown['context']['encounter'][0]['reference'],
                'lastModified' => $shown['meta']['lastUpdated'],
                'text' => $row['description'],
            ]);
        });
    }

    private function row(string $uuid, Caller $caller): array
    {
        $row = Caller::isUuid($uuid) ? $this->notes->byUuid($uuid) : null;
        if ($row === null || $caller->pid === 0 || (int)$row['pid'] !== $caller->pid) {
            throw new Refusal(404, 'not-found', 'There is no such note of Chartside in this chart.');
        }
        return $row;
    }

    private function shown(array $row, Caller $caller): array
    {
        $text = (string)$row['description'];
        $loinc = substr((string)$row['code'], strlen('LOINC:'));
        $attachment = [
            'contentType' => 'text/plain; charset=utf-8',
            'data' => base64_encode($text),
            'size' => strlen($text),
            'hash' => base64_encode(sha1($text, true)),
        ];
        $updated = str_replace(' ', 'T', $row['updated']) . 'Z';
        return [
            'resourceType' => 'DocumentReference',
            'id' => $row['uuid'],
            'meta' => ['versionId' => (string)$row['version'], 'lastUpdated' => $updated],
            'identifier' => [['system' => $row['identifier_system'], 'value' => $row['identifier_value']]],
            'status' => $row['status'],
            'docStatus' => $row['doc_status'],
            'type' => ['coding' => [['system' => 'http://loinc.org', 'code' => $loinc, 'display' => $row['codetext']]]],
            'category' => [['coding' => self::CATEGORY]],
            'subject' => ['reference' => "Patient/$caller->patientUuid"],
            'date' => $row['dated'],
            'content' => [['attachment' => $attachment]],
            'context' => ['encounter' => [['reference' => "Encounter/{$row['encounter_uuid']}"]]],
        ];
    }
}
