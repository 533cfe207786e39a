<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use ESign\Form_Signable;
use OpenEMR\Common\Database\QueryUtils;
use OpenEMR\Common\Uuid\UuidRegistry;
use OpenEMR\Services\ClinicalNotesService;

/** Clinical Notes that the module wrote through OpenEMR's own service, with the version that core does not keep. */
final class NoteRepository
{
    private const SELECT = 'SELECT m.*, n.description, n.code, n.codetext, n.form_id, n.encounter, f.id AS forms_id'
        . ' FROM chartside_note m JOIN form_clinical_notes n ON n.id = m.note_id AND n.activity = 1'
        . " JOIN forms f ON f.form_id = n.form_id AND f.encounter = n.encounter AND f.formdir = 'clinical_notes'"
        . ' AND f.deleted = 0 WHERE ';

    public function byUuid(string $uuid): ?array
    {
        return $this->watched(QueryUtils::fetchRecords(self::SELECT . 'm.uuid = ?', [$uuid])[0] ?? null);
    }

    public function byKey(array $key): ?array
    {
        $sql = self::SELECT . 'm.identifier_system = ? AND m.identifier_value = ?';
        return $this->watched(QueryUtils::fetchRecords($sql, $key)[0] ?? null);
    }

    /** @return ?int the pid of the chart where this key was used, also by a note that has been deleted since */
    public function chartOfKey(array $key): ?int
    {
        $sql = 'SELECT pid FROM chartside_note WHERE identifier_system = ? AND identifier_value = ?';
        $found = QueryUtils::fetchRecords($sql, $key);
        return $found ? (int)$found[0]['pid'] : null;
    }

    public function isLocked(int $formsId, int $encounter): bool
    {
        require_once $GLOBALS['srcdir'] . '/ESign/Api.php';
        require_once $GLOBALS['srcdir'] . '/ESign/Form/Signable.php';
        return (bool)(new Form_Signable($formsId, 'clinical_notes', $encounter))->isLocked();
    }

    public function insert(Note $note, Caller $caller, Settings $settings): array
    {
        require_once $GLOBALS['srcdir'] . '/forms.inc.php';
        $service = new ClinicalNotesService();
        $form = $service->createClinicalNotesParentForm($caller->pid, $note->encounter['number'], 1);
        // FHIR's author is joined on the user; nothing fills it but what is given here.
        $by = ['user' => $caller->user, 'groupname' => $caller->group];
        $saved = $service->saveArray($this->fields($note, $caller, $settings, (int)$form) + $by);
        QueryUtils::sqlStatementThrowException(
            'INSERT INTO chartside_note (uuid, identifier_system, identifier_value, note_id, pid, encounter_uuid,'
            . ' status, doc_status, dated, version, updated, text_sha256, changed_in_ehr)'
            . ' VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, 0)',
            [UuidRegistry::uuidToString($saved['uuid']), ...$note->key, $saved['id'], $caller->pid,
                $note->encounter['uuid'], $note->status, $note->docStatus, $note->dated,
                gmdate('Y-m-d H:i:s'), hash('sha256', $note->text)]
        );
        return $this->stored($note);
    }

    /** Write the text again where it or its state differs; a note whose text stays touches our own row alone. */
    public function update(array $row, Note $note, Caller $caller, Settings $settings, bool $isText): array
    {
        if ($isText) {
            $fields = $this->fields($note, $caller, $settings, (int)$row['form_id']);
            (new ClinicalNotesService())->saveArray($fields + ['id' => $row['note_id']]);
        }
        QueryUtils::sqlStatementThrowException(
            'UPDATE chartside_note SET status = ?, doc_status = ?, dated = ?, version = version + 1, updated = ?,'
            . ' text_sha256 = ?, changed_in_ehr = 0 WHERE uuid = ?',
            [$note->status, $note->docStatus, $note->dated, gmdate('Y-m-d H:i:s'), hash('sha256', $note->text),
                $row['uuid']]
        );
        return $this->stored($note);
    }

    private function stored(Note $note): array
    {
        return $this->byKey($note->key) ?? throw new \RuntimeException('The note is not where it was written');
    }

    /** The keys go into SQL unescaped in core: none may ever come from outside. The category stays empty, else the note
     * becomes a DiagnosticReport. */
    private function fields(Note $note, Caller $caller, Settings $settings, int $formId): array
    {
        $sql = 'SELECT option_id FROM list_options WHERE list_id = ? AND notes = ? AND activity = 1 ORDER BY seq';
        $types = QueryUtils::fetchRecords($sql, [Settings::NOTE_TYPE_LIST, "LOINC:$note->loinc"]);
        return [
            'form_id' => $formId,
            'pid' => $caller->pid,
            'encounter' => $note->encounter['number'],
            'authorized' => 1,
            'activity' => 1,
            'date' => substr($note->dated, 0, 10),
            'code' => "LOINC:$note->loinc",
            'codetext' => $note->display,
            'clinical_notes_type' => $types[0]['option_id'] ?? $settings->noteType,
            'clinical_notes_category' => '',
            'description' => $note->text,
            'external_id' => $note->key[1],
        ];
    }

    /** A text that is no longer the one filed was changed in OpenEMR: that is a new version. */
    private function watched(?array $row): ?array
    {
        if ($row === null || hash('sha256', (string)$row['description']) === $row['text_sha256']) {
            return $row;
        }
        QueryUtils::sqlStatementThrowException(
            'UPDATE chartside_note SET version = version + 1, updated = ?, text_sha256 = ?, changed_in_ehr = 1'
            . ' WHERE uuid = ?',
            [gmdate('Y-m-d H:i:s'), hash('sha256', (string)$row['description']), $row['uuid']]
        );
        return QueryUtils::fetchRecords(self::SELECT . 'm.uuid = ?', [$row['uuid']])[0];
    }
}
