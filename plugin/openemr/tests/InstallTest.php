<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside\Tests;

use ModuleManagerListener;
use OpenEMR\Common\Database\QueryUtils;
use OpenEMR\Common\Http\HttpRestRequest;
use OpenEMR\Modules\Chartside\ResourceController;
use OpenEMR\Modules\Chartside\Settings;
use PHPUnit\Framework\TestCase;

final class InstallTest extends TestCase
{
    protected function setUp(): void
    {
        Clinic::build(':memory:');
    }

    protected function tearDown(): void
    {
        QueryUtils::$isLockFree = true;
    }

    /** table.sql says of every table that it may be there already, and comments every column. */
    public function testTheSqlRunsTwice(): void
    {
        Clinic::install();
        $options = QueryUtils::fetchRecords('SELECT * FROM list_options WHERE option_id = ?', [Settings::LIST_OPTION]);
        self::assertCount(1, $options);
        $sql = (string)file_get_contents(dirname(__DIR__) . '/table.sql');
        self::assertSame(substr_count($sql, 'CREATE TABLE'), substr_count($sql, '#IfNotTable'));
        self::assertSame(preg_match_all('/^  `/m', $sql), preg_match_all("/^  `.* COMMENT '/m", $sql));
        self::assertStringNotContainsString('DROP', $sql);
    }

    /** Unregistering takes all that is ours, every clinician's switch too, and leaves the notes and others' rows. */
    public function testUninstallLeavesTheNotesAndNothingElse(): void
    {
        self::assertSame(201, $this->file(self::note()));
        Clinic::insert('globals', [[Settings::ADDRESS, 0, 'https://c.example'], ['theirs', 0, '1']]);
        Clinic::insert('user_settings', [[4, 'global:' . Settings::AI_CONSENT, '1'], [4, 'global:theirs', '1']]);
        self::assertSame('Success', ModuleManagerListener::initListenerSelf()->moduleManagerAction('disable', 1));
        self::assertCount(2, QueryUtils::fetchRecords('SELECT * FROM globals'));
        ModuleManagerListener::initListenerSelf()->moduleManagerAction('unregister', 1);
        ModuleManagerListener::initListenerSelf()->moduleManagerAction('unregister', 1);
        $tables = QueryUtils::fetchRecords("SELECT name FROM sqlite_master WHERE name LIKE 'chartside%'");
        self::assertSame([], $tables);
        self::assertSame(['theirs'], array_column(QueryUtils::fetchRecords('SELECT gl_name FROM globals'), 'gl_name'));
        self::assertCount(1, QueryUtils::fetchRecords('SELECT * FROM user_settings'));
        self::assertCount(1, QueryUtils::fetchRecords('SELECT * FROM list_options'));
        self::assertCount(1, QueryUtils::fetchRecords('SELECT * FROM form_clinical_notes'));
    }

    /** The form number is max+1 in core: no lock, no write. */
    public function testItAnswers503WhenAnotherWriteIsUnderWay(): void
    {
        QueryUtils::$isLockFree = false;
        self::assertSame(503, $this->file(self::note()));
        self::assertSame([], QueryUtils::fetchRecords('SELECT * FROM forms'));
    }

    /** A failure half-way leaves neither form nor note, and its cause stays in the log. */
    public function testAFailureHalfWayLeavesNothing(): void
    {
        $fault = "BEFORE INSERT ON chartside_resource BEGIN SELECT RAISE(ABORT, 'disk full'); END";
        QueryUtils::$db->exec("CREATE TRIGGER fault $fault");
        ini_set('error_log', '/dev/null');
        self::assertSame(500, $this->file(self::note()));
        self::assertSame([], QueryUtils::fetchRecords('SELECT * FROM forms'));
        self::assertSame([], QueryUtils::fetchRecords('SELECT * FROM form_clinical_notes'));
    }

    /** The author, the group and the empty category are what makes core's FHIR show a note by its clinician. */
    public function testTheNoteHasAuthorGroupAndNoCategory(): void
    {
        $this->file(self::note());
        $row = QueryUtils::fetchRecords('SELECT * FROM form_clinical_notes')[0];
        self::assertSame(['dr-alice', 'Default'], [$row['user'], $row['groupname']]);
        self::assertSame('', $row['clinical_notes_category']);
        self::assertSame(Settings::LIST_OPTION, $row['clinical_notes_type']);
        self::assertSame('LOINC:34904-3', $row['code']);
        self::assertSame('note-1', $row['external_id']);
    }

    /** A portal patient writes nothing, whatever rights their session seems to have. */
    public function testAPortalPatientIsRefused(): void
    {
        self::assertSame(403, $this->file(self::note(), 'patient'));
        $consents = new ResourceController('Consent', Settings::current());
        self::assertSame(403, $consents->search(self::request([], 'patient'))->getStatusCode());
    }

    private function file(array $note, string $role = 'users'): int
    {
        $notes = new ResourceController('DocumentReference', Settings::current());
        return $notes->create(self::request($note, $role))->getStatusCode();
    }

    private static function request(array $body, string $role): HttpRestRequest
    {
        $session = ['authUser' => 'dr-alice', 'authUserID' => 4, 'authProvider' => 'Default'];
        return new HttpRestRequest((string)json_encode($body), [], [], $session, Clinic::CAROL, $role);
    }

    private static function note(): array
    {
        return [
            'resourceType' => 'DocumentReference',
            'identifier' => [['system' => 'https://chartside.example.org/ids/note', 'value' => 'note-1']],
            'status' => 'current',
            'docStatus' => 'final',
            'type' => ['coding' => [['system' => 'http://loinc.org', 'code' => '34904-3', 'display' => 'Note']]],
            'subject' => ['reference' => 'Patient/' . Clinic::CAROL],
            'date' => '2026-11-22T17:00:00Z',
            'content' => [['attachment' => ['contentType' => 'text/plain', 'data' => base64_encode('Slept well.')]]],
            'context' => ['encounter' => [['reference' => 'Encounter/' . Clinic::VISIT]]],
        ];
    }
}
