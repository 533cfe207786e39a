<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

use OpenEMR\Core\AbstractModuleActionListener;
use OpenEMR\Modules\Chartside\Uninstaller;

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
            require_once __DIR__ . '/src/Uninstaller.php';
            Uninstaller::run();
        }
        return $currentActionStatus;
    }
}
