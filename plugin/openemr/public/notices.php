<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

require_once dirname(__DIR__, 4) . '/globals.php';

header('Content-Type: application/json');
echo \OpenEMR\Modules\Chartside\Page::ready($_POST);
