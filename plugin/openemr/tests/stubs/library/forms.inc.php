<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

use OpenEMR\Common\Database\QueryUtils;

function addForm($encounter, $form_name, $form_id, $formdir, $pid, $authorized = '0'): int
{
    $sql = 'INSERT INTO forms (encounter, form_name, form_id, formdir, pid, authorized, deleted) VALUES (?, ?, ?, ?, ?, ?, 0)';
    return QueryUtils::sqlInsert($sql, [$encounter, $form_name, $form_id, $formdir, $pid, $authorized]);
}
