<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace ESign;

use OpenEMR\Common\Database\QueryUtils;

/** Locked by a signature on the form itself or on its encounter, as in core. */
final class Form_Signable
{
    public function __construct(private readonly int $formId, string $formDir, private readonly int $encounterId)
    {
    }

    public function isLocked(): bool
    {
        $sql = "SELECT is_lock FROM esign_signatures WHERE (tid = ? AND `table` = 'forms')"
            . " OR (tid = ? AND `table` = 'form_encounter') ORDER BY is_lock DESC";
        return (bool)QueryUtils::fetchSingleValue($sql, 'is_lock', [$this->formId, $this->encounterId]);
    }
}
