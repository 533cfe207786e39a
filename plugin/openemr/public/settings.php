<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

require_once dirname(__DIR__, 4) . '/globals.php';

echo \OpenEMR\Modules\Chartside\Page::settings($_POST);
