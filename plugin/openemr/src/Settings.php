<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\Common\Database\QueryUtils;

/** What the administrator has set; nothing but the settings page works until client id and address stand. */
final class Settings
{
    public const VERSION = '1.0.0';
    public const CLIENT_ID = 'chartside_client_id';
    public const ADDRESS = 'chartside_address';
    public const NOTE_TYPE = 'chartside_note_type';
    public const AI_CONSENT = 'chartside_ai_consent';
    public const NOTE_TYPE_LIST = 'Clinical_Note_Type';
    public const LIST_OPTION = 'chartside_behavioral';

    public function __construct(
        public readonly string $clientId,
        public readonly string $address,
        public readonly string $noteType
    ) {
    }

    public static function current(): self
    {
        $value = static fn(string $name): string => trim((string)($GLOBALS[$name] ?? ''));
        $noteType = $value(self::NOTE_TYPE) ?: self::LIST_OPTION;
        return new self($value(self::CLIENT_ID), rtrim($value(self::ADDRESS), '/'), $noteType);
    }

    public function isConfigured(): bool
    {
        return $this->problems() === [];
    }

    /** @return array<string, string> a sentence for each setting that cannot be taken */
    public function problems(): array
    {
        $problems = [];
        if (!preg_match('/\A[A-Za-z0-9_-]{1,80}\z/', $this->clientId)) {
            $problems[self::CLIENT_ID] = 'The client id has 1 to 80 letters, digits, hyphens or underscores.';
        }
        $hosts = '(https:\/\/[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|http:\/\/(?:localhost|127\.0\.0\.1))';
        if (!preg_match('/\A' . $hosts . '(?::[0-9]{1,5})?\z/i', $this->address)) {
            $problems[self::ADDRESS] = 'The address begins with https:// and has no path, query or user.';
        }
        return $problems;
    }

    public function noteTypeExists(): bool
    {
        $sql = 'SELECT option_id FROM list_options WHERE list_id = ? AND option_id = ? AND activity = 1';
        return QueryUtils::fetchRecords($sql, [self::NOTE_TYPE_LIST, $this->noteType]) !== [];
    }

    /**
     * Say whether this very clinician has ticked Consent to using AI for telehealth sessions.
     * OpenEMR's own getUserSetting falls back to the site's default, which would opt everybody in: never used here.
     */
    public static function hasOptedIn(int $userId): bool
    {
        $sql = 'SELECT setting_value FROM user_settings WHERE setting_user = ? AND setting_label = ?';
        $rows = $userId > 0 ? QueryUtils::fetchRecords($sql, [$userId, 'global:' . self::AI_CONSENT]) : [];
        return ($rows[0]['setting_value'] ?? null) === '1';
    }

    public function isBelowAddress(mixed $url): bool
    {
        return is_string($url) && str_starts_with($url, $this->address . '/')
            && preg_match('/\A[\x21-\x7e]{1,2000}\z/', $url) && !str_contains($url, '\\');
    }

    public function save(): void
    {
        $names = [self::CLIENT_ID, self::ADDRESS, self::NOTE_TYPE];
        foreach (array_combine($names, [$this->clientId, $this->address, $this->noteType]) as $name => $value) {
            $sql = 'REPLACE INTO globals (gl_name, gl_index, gl_value) VALUES (?, 0, ?)';
            QueryUtils::sqlStatementThrowException($sql, [$name, $value]);
        }
    }
}
