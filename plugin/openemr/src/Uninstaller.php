<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\Common\Database\QueryUtils;

/** Takes away what the module has added to OpenEMR; Clinical Notes stay, they are the chart. */
final class Uninstaller
{
    public const TABLES = ['chartside_resource', 'chartside_note', 'chartside_notice'];

    public static function run(): void
    {
        foreach (self::TABLES as $table) {
            QueryUtils::sqlStatementThrowException("DROP TABLE IF EXISTS `$table`", []);
        }
        $names = [Settings::CLIENT_ID, Settings::ADDRESS, Settings::NOTE_TYPE, Settings::AI_CONSENT];
        foreach ($names as $name) {
            QueryUtils::sqlStatementThrowException('DELETE FROM globals WHERE gl_name = ?', [$name]);
        }
        $label = 'global:' . Settings::AI_CONSENT;
        QueryUtils::sqlStatementThrowException('DELETE FROM user_settings WHERE setting_label = ?', [$label]);
        QueryUtils::sqlStatementThrowException(
            'DELETE FROM list_options WHERE list_id = ? AND option_id = ?',
            [Settings::NOTE_TYPE_LIST, Settings::LIST_OPTION]
        );
    }
}
