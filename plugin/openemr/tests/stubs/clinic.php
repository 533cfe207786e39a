<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later
// A small clinic in SQLite: two patients with an encounter each, a clinician, a front desk, an administrator.

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside\Tests;

use OpenEMR\Common\Database\QueryUtils;
use OpenEMR\Common\Uuid\UuidRegistry;

final class Clinic
{
    public const CAROL = '11111111-1111-4111-8111-111111111111';
    public const OTHER = '22222222-2222-4222-8222-222222222222';
    public const VISIT = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
    public const OTHER_VISIT = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb';

    private const CORE_TABLES = [
        'patient_data (uuid, pid INTEGER)',
        'form_encounter (uuid, encounter INTEGER, pid INTEGER)',
        'users (id INTEGER, username, acl_group)',
        'user_settings (setting_user INTEGER, setting_label, setting_value)',
        'globals (gl_name, gl_index, gl_value, UNIQUE (gl_name, gl_index))',
        'list_options (list_id, option_id, title, seq INTEGER, notes, activity INTEGER, UNIQUE (list_id, option_id))',
        'forms (id INTEGER PRIMARY KEY, encounter INTEGER, form_name, form_id INTEGER, formdir, pid INTEGER, authorized,'
            . ' deleted INTEGER)',
        'form_clinical_notes (id INTEGER PRIMARY KEY, uuid, form_id INTEGER, pid INTEGER, encounter INTEGER, authorized,'
            . ' activity INTEGER, date, user,'
            . ' groupname, code, codetext, clinical_notes_type, clinical_notes_category, description, external_id)',
        'esign_signatures (tid INTEGER, `table`, is_lock INTEGER)',
        'log (id INTEGER PRIMARY KEY, event, user, groupname, success INTEGER, comments, patient_id INTEGER)',
        'stub_token (token, user, patient, scope)',
    ];

    public static function build(string $path): void
    {
        QueryUtils::open($path);
        foreach (self::CORE_TABLES as $table) {
            QueryUtils::$db->exec("CREATE TABLE $table");
        }
        self::install();
        $bytes = UuidRegistry::uuidToBytes(...);
        self::insert('patient_data', [[$bytes(self::CAROL), 1], [$bytes(self::OTHER), 2]]);
        self::insert('form_encounter', [[$bytes(self::VISIT), 51, 1], [$bytes(self::OTHER_VISIT), 52, 2]]);
        self::insert('users', [[4, 'dr-alice', 'Clinicians'], [5, 'desk', 'Front Office'], [1, 'erin', 'Administrators']]);
        self::insert('list_options', [['Clinical_Note_Type', 'progress_note', 'Progress Note', 10, 'LOINC:11506-3', 1]]);
    }

    /** Run the module's own table.sql, as the module manager does, in SQLite's words. */
    public static function install(): void
    {
        $sql = (string)file_get_contents(dirname(__DIR__, 2) . '/table.sql');
        $sql = preg_replace(['/^(#|--).*$/m', "/ COMMENT '[^']*'/", '/UNIQUE KEY `\w+`/'], ['', '', 'UNIQUE'], $sql);
        $sql = preg_replace(['/\) ENGINE=[^;]*/', '/INSERT IGNORE/'], [')', 'INSERT OR IGNORE'], $sql);
        QueryUtils::$db->exec(str_replace('CREATE TABLE', 'CREATE TABLE IF NOT EXISTS', $sql));
    }

    /** @param list<list<mixed>> $rows */
    public static function insert(string $table, array $rows): void
    {
        foreach ($rows as $row) {
            $marks = implode(', ', array_fill(0, count($row), '?'));
            QueryUtils::sqlStatementThrowException("INSERT INTO $table VALUES ($marks)", $row);
        }
    }
}
