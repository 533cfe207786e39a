<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use ESign\Form_Signable;
use OpenEMR\Common\Database\QueryUtils;
use OpenEMR\Services\ClinicalNotesService;

/** A DocumentReference as a Clinical Note, written by OpenEMR's own service; reading and searching is OpenEMR's. */
final class Note
{
    private const LONGEST_TEXT_BYTES = 65000;
    private const LOINC = 'http://loinc.org';
    private const CATEGORY = [[
        'system' => 'http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category',
        'code' => 'clinical-note',
        'display' => 'Clinical Note',
    ]];

    /** @param array $kept the resource without its text, as the module keeps it */
    private function __construct(
        public readonly array $kept,
        public readonly string $text,
        private readonly int $encounter
    ) {
    }

    /** @param ?array{uuid: string, number: int} $encounter */
    public static function from(array $body, Caller $caller, ?array $encounter): self
    {
        Refusal::when($encounter === null, 'no-encounter');
        $docStatus = $body['docStatus'] ?? null;
        Refusal::when(!in_array($docStatus, ['preliminary', 'final', 'amended'], true), 'odd-doc-status');
        $loinc = array_values(array_filter(
            is_array($body['type']['coding'] ?? null) ? $body['type']['coding'] : [],
            static fn(mixed $each): bool => ($each['system'] ?? null) === self::LOINC
                && is_string($each['code'] ?? null) && preg_match('/\A[0-9]{1,7}-[0-9]\z/', $each['code'])
        ))[0] ?? throw new Refusal('no-loinc');
        $date = $body['date'] ?? null;
        $instant = '/\A\d{4}-\d{2}-\d{2}T[0-9:.]+(?:Z|[+-]\d{2}:\d{2})\z/';
        Refusal::when(!is_string($date) || !preg_match($instant, $date), 'odd-date');
        $display = mb_substr(is_string($loinc['display'] ?? null) ? $loinc['display'] : $loinc['code'], 0, 255);
        $coding = ['system' => self::LOINC, 'code' => $loinc['code'], 'display' => $display];
        return new self([
            'identifier' => [array_intersect_key($body['identifier'][0], ['system' => '', 'value' => ''])],
            'status' => $body['status'],
            'docStatus' => $docStatus,
            'type' => ['coding' => [$coding]],
            'category' => [['coding' => self::CATEGORY]],
            'subject' => ['reference' => "Patient/$caller->patientUuid"],
            'date' => $date,
            'context' => ['encounter' => [['reference' => "Encounter/{$encounter['uuid']}"]]],
        ], self::textOf($body, $docStatus === 'preliminary'), $encounter['number']);
    }

    /** @return list<array> the content that shows a text */
    public static function content(string $text): array
    {
        return [['attachment' => [
            'contentType' => 'text/plain; charset=utf-8',
            'data' => base64_encode($text),
            'size' => strlen($text),
            'hash' => base64_encode(sha1($text, true)),
        ]]];
    }

    /** @param array $row with forms_id (0: not written yet) and encounter */
    public static function isLocked(array $row): bool
    {
        require_once $GLOBALS['srcdir'] . '/ESign/Api.php';
        require_once $GLOBALS['srcdir'] . '/ESign/Form/Signable.php';
        return (bool)(new Form_Signable((int)$row['forms_id'], 'clinical_notes', (int)$row['encounter']))->isLocked();
    }

    public function demandUnlocked(): void
    {
        Refusal::when(self::isLocked(['forms_id' => 0, 'encounter' => $this->encounter]), 'encounter-locked');
    }

    public function demandEncounterOf(array $row): void
    {
        Refusal::when(json_decode($row['body'], true)['context'] !== $this->kept['context'], 'other-encounter');
    }

    /** @return bool whether the Clinical Note itself changes; retiring a note touches our own row alone */
    public function demandChangeable(array $row): bool
    {
        $old = json_decode($row['body'], true)['docStatus'];
        $isSame = $this->text === $row['description'] && $this->kept['docStatus'] === $old;
        if ($isSame && $this->kept['status'] === 'superseded') {
            return false;
        }
        Refusal::when(self::isLocked($row), 'note-locked');
        Refusal::when($old !== 'preliminary', 'note-signed');
        return true;
    }

    /**
     * @param ?array $row of the note as it stands; null for a new one
     * @return array what core saved, for a new one with id and uuid
     */
    public function write(Caller $caller, Settings $settings, ?array $row = null): array
    {
        require_once $GLOBALS['srcdir'] . '/forms.inc.php';
        $service = new ClinicalNotesService();
        // FHIR's author is joined on the user; nothing fills it but what is given here.
        $more = $row === null ? [
            'form_id' => (int)$service->createClinicalNotesParentForm($caller->pid, $this->encounter, 1),
            'user' => $caller->user,
            'groupname' => $caller->group,
        ] : ['form_id' => (int)$row['form_id'], 'id' => $row['note_id']];
        ['code' => $loinc, 'display' => $display] = $this->kept['type']['coding'][0];
        $sql = 'SELECT option_id FROM list_options WHERE list_id = ? AND notes = ? AND activity = 1 ORDER BY seq';
        $types = QueryUtils::fetchRecords($sql, [Settings::NOTE_TYPE_LIST, "LOINC:$loinc"]);
        // The keys go into SQL unescaped in core: none may ever come from outside. The category stays empty, else the
        // note becomes a DiagnosticReport.
        return $service->saveArray($more + [
            'pid' => $caller->pid,
            'encounter' => $this->encounter,
            'authorized' => 1,
            'activity' => 1,
            'date' => substr($this->kept['date'], 0, 10),
            'code' => "LOINC:$loinc",
            'codetext' => $display,
            'clinical_notes_type' => $types[0]['option_id'] ?? $settings->noteType,
            'clinical_notes_category' => '',
            'description' => $this->text,
            'external_id' => $this->kept['identifier'][0]['value'],
        ]);
    }

    private static function textOf(array $body, bool $isDraft): string
    {
        foreach (is_array($body['content'] ?? null) ? $body['content'] : [] as $content) {
            [$type, $data] = [$content['attachment']['contentType'] ?? null, $content['attachment']['data'] ?? null];
            if (is_string($type) && str_starts_with($type, 'text/plain')) {
                $text = is_string($data) ? base64_decode($data, true) : '';
                break;
            }
        }
        $text = (string)($text ?? '');
        $fits = $text !== '' && strlen($text) <= self::LONGEST_TEXT_BYTES && mb_check_encoding($text, 'UTF-8');
        Refusal::when(!$fits, 'odd-text');
        // OpenEMR shows no docStatus, so a draft says in its first line what it is.
        return $isDraft && !str_starts_with($text, 'DRAFT') ? "DRAFT, not signed\n\n$text" : $text;
    }
}
