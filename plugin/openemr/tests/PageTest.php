<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside\Tests;

use OpenEMR\Common\Acl\AclMain;
use OpenEMR\Common\Csrf\CsrfUtils;
use OpenEMR\Common\Database\QueryUtils;
use OpenEMR\Common\Session\SessionWrapperFactory;
use OpenEMR\Modules\Chartside\Notices;
use OpenEMR\Modules\Chartside\Page;
use OpenEMR\Modules\Chartside\Settings;
use PHPUnit\Framework\TestCase;

final class PageTest extends TestCase
{
    protected function setUp(): void
    {
        Clinic::build(':memory:');
        AclMain::$signedIn = 'dr-alice';
        SessionWrapperFactory::$values = ['authUser' => 'dr-alice', 'pid' => 1];
    }

    /** The button opens core's own launch in a top-level window, with the CSRF token. */
    public function testTheLaunchOpensATopLevelWindow(): void
    {
        $page = Page::launch();
        self::assertStringContainsString('target="_blank" action="/interface/smart/ehr-launch-client.php"', $page);
        self::assertStringContainsString('name="client_id" value="chartside-client"', $page);
        self::assertStringContainsString('name="csrf_token" value="' . CsrfUtils::TOKEN . '"', $page);
        AclMain::$signedIn = 'desk';
        self::assertStringNotContainsString('<form', Page::launch());
    }

    /** The pop-up tells its own user once, without any name; a stranger's request gets nothing. */
    public function testThePopUpIsShownOnce(): void
    {
        Notices::add('ready', 's-1', 'dr-alice', 0, '', time() + 60);
        Notices::add('ready', 's-2', 'dr-bob', 0, '', time() + 60);
        self::assertSame('{"ready":0}', Page::ready(['csrf_token' => 'forged']));
        self::assertSame('{"ready":1}', Page::ready(['csrf_token' => CsrfUtils::TOKEN]));
        self::assertSame('{"ready":0}', Page::ready(['csrf_token' => CsrfUtils::TOKEN]));
        self::assertStringContainsString('ready.js', Page::readyPopUp());
        self::assertStringNotContainsString('<script>', Page::readyPopUp());
    }

    /** The card shows the client's own open link, and none that is foreign, expired or another's. */
    public function testThePortalCardShowsOnlyTheClientsOwnLink(): void
    {
        $soon = gmdate('Y-m-d H:i:s', time() + 60);
        $past = gmdate('Y-m-d H:i:s', time() - 60);
        self::assertSame('', Page::portalCard());
        Clinic::insert('chartside_notice', [
            ['joinLink', 'a', 'dr-alice', 2, 'https://chartside.example.org/join/other', $soon, 0],
            ['joinLink', 'b', 'dr-alice', 1, 'https://chartside.example.org/join/past', $past, 0],
        ]);
        self::assertSame('', Page::portalCard());
        $mine = ['joinLink', 'c', 'dr-alice', 1, 'https://chartside.example.org/join/a"b', $soon, 0];
        Clinic::insert('chartside_notice', [$mine]);
        self::assertStringContainsString('href="https://chartside.example.org/join/a&quot;b"', Page::portalCard());
        QueryUtils::sqlStatementThrowException("UPDATE chartside_notice SET url = 'javascript:alert(1)'");
        self::assertSame('', Page::portalCard());
    }

    /** @dataProvider wrongSettings */
    public function testSettingsThatCannotBeTakenAreNotSaved(string $name, string $value): void
    {
        AclMain::$signedIn = 'erin';
        $good = [Settings::CLIENT_ID => 'abc_1-2', Settings::ADDRESS => 'https://c.example'];
        $good[Settings::NOTE_TYPE] = 'progress_note';
        $page = Page::settings([$name => $value, 'csrf_token' => CsrfUtils::TOKEN] + $good);
        self::assertStringContainsString('role="alert"', $page);
        self::assertStringNotContainsString('"><script', $page);
        self::assertSame([], QueryUtils::fetchRecords('SELECT * FROM globals'));
    }

    /** @return list<array{string, string}> */
    public function wrongSettings(): array
    {
        return [
            [Settings::CLIENT_ID, ''],
            [Settings::CLIENT_ID, '"><script>alert(1)</script>'],
            [Settings::ADDRESS, 'http://chartside.example.org'],
            [Settings::ADDRESS, 'https://user@chartside.example.org'],
            [Settings::ADDRESS, 'https://chartside.example.org/path'],
            [Settings::ADDRESS, "https://chartside.example.org\n"  . 'x'],
            [Settings::ADDRESS, 'javascript:alert(1)'],
            [Settings::NOTE_TYPE, 'no_such_type'],
        ];
    }

    /** Administrators save, with a valid token; nobody else does. */
    public function testOnlyAnAdministratorSaves(): void
    {
        $good = [Settings::CLIENT_ID => 'abc', Settings::ADDRESS => 'https://c.example/'];
        $good[Settings::NOTE_TYPE] = 'progress_note';
        self::assertStringContainsString('Only administrators', Page::settings($good));
        AclMain::$signedIn = 'erin';
        self::assertStringContainsString('Load it again', Page::settings($good + ['csrf_token' => 'forged']));
        self::assertSame([], QueryUtils::fetchRecords('SELECT * FROM globals'));
        self::assertStringContainsString('Saved.', Page::settings($good + ['csrf_token' => CsrfUtils::TOKEN]));
        $saved = QueryUtils::fetchRecords('SELECT gl_name, gl_value FROM globals');
        self::assertSame('https://c.example', array_column($saved, 'gl_value', 'gl_name')[Settings::ADDRESS]);
    }
}
