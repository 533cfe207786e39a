<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\Common\Database\QueryUtils;

/** Whether this very clinician has ticked Consent to using AI for telehealth sessions. */
final class OptIn
{
    /** OpenEMR's own getUserSetting falls back to the site's default, which would opt everybody in: never used here. */
    public static function of(int $userId): bool
    {
        $rows = $userId > 0 ? QueryUtils::fetchRecords(
            'SELECT setting_value FROM user_settings WHERE setting_user = ? AND setting_label = ?',
            [$userId, 'global:' . Settings::AI_CONSENT]
        ) : [];
        return ($rows[0]['setting_value'] ?? null) === '1';
    }
}
