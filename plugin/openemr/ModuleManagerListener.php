<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

use OpenEMR\Common\Database\QueryUtils;
use OpenEMR\Core\AbstractModuleActionListener;
use OpenEMR\Modules\Chartside\Settings;

/** What the module manager calls; it asks for a class without a namespace. */
// phpcs:ignore PSR1.Classes.ClassDeclaration.MissingNamespace -- OpenEMR asks for this very name
class ModuleManagerListener extends AbstractModuleActionListener
{
    public static function getModuleNamespace(): string
    {
        return 'OpenEMR\\Modules\\Chartside\\';
    }

    public static function initListenerSelf(): ModuleManagerListener
    {
        return new self();
    }

    /** Clean up when the module is unregistered or reset; every other action is the manager's alone. */
    public function moduleManagerAction($methodName, $modId, string $currentActionStatus = 'Success'): string
    {
        if ($methodName === 'unregister' || $methodName === 'reset_module') {
            require_once __DIR__ . '/src/Settings.php';
            self::cleanUp();
        }
        return $currentActionStatus;
    }

    /** Take away what the module has added to OpenEMR; Clinical Notes stay, they are the chart. */
    private static function cleanUp(): void
    {
        $do = QueryUtils::sqlStatementThrowException(...);
        foreach (['chartside_resource', 'chartside_notice'] as $table) {
            $do("DROP TABLE IF EXISTS `$table`", []);
        }
        foreach ([Settings::CLIENT_ID, Settings::ADDRESS, Settings::NOTE_TYPE, Settings::AI_CONSENT] as $name) {
            $do('DELETE FROM globals WHERE gl_name = ?', [$name]);
        }
        $do('DELETE FROM user_settings WHERE setting_label = ?', ['global:' . Settings::AI_CONSENT]);
        $option = [Settings::NOTE_TYPE_LIST, Settings::LIST_OPTION];
        $do('DELETE FROM list_options WHERE list_id = ? AND option_id = ?', $option);
    }
}
