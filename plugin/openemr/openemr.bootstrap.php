<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

/** @var \OpenEMR\Core\ModulesClassLoader $classLoader given by the module loader */
$classLoader->registerNamespaceIfNotExists('OpenEMR\\Modules\\Chartside\\', __DIR__ . DIRECTORY_SEPARATOR . 'src');

/** @var \Symfony\Component\EventDispatcher\EventDispatcherInterface $eventDispatcher given by the module loader */
(new Bootstrap($eventDispatcher))->subscribeToEvents();
