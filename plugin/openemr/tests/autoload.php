<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

require_once __DIR__ . '/stubs/core.php';
require_once __DIR__ . '/stubs/clinic.php';
require_once __DIR__ . '/stubs/events.php';
require_once dirname(__DIR__) . '/ModuleManagerListener.php';

spl_autoload_register(static function (string $class): void {
    $prefix = 'OpenEMR\\Modules\\Chartside\\';
    $file = dirname(__DIR__) . '/src/' . substr($class, strlen($prefix)) . '.php';
    if (str_starts_with($class, $prefix) && is_file($file)) {
        require_once $file;
    }
});

$GLOBALS['srcdir'] = __DIR__ . '/stubs/library';
$GLOBALS['webroot'] = '';
$GLOBALS['site_addr_oath'] = 'https://emr.example.org';
$GLOBALS['chartside_client_id'] = 'chartside-client';
$GLOBALS['chartside_address'] = 'https://chartside.example.org';
