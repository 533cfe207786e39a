<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

/** Which resources of the launch's chart a search wants. */
final class Matcher
{
    /** @return \Closure(array): bool */
    public static function of(array $wanted, Caller $caller): \Closure
    {
        $plain = static fn(mixed $value): string => is_string($value) ? $value : '';
        $tests = [];
        foreach (array_map($plain, $wanted) as $name => $value) {
            $tests[] = match ($name) {
                'patient', 'subject' => static fn(): bool => self::tail($value) === $caller->patientUuid,
                '_id' => static fn(array $each): bool => $each['id'] === $value,
                'status' => static fn(array $each): bool => in_array($each['status'], explode(',', $value), true),
                'identifier' => static fn(array $each): bool => self::hasIdentifier($each, $value),
                'encounter' => static fn(array $each): bool
                    => in_array(self::tail($value), self::encounters($each), true),
                '_lastUpdated' => self::updated($value),
                default => static fn(): bool => true,
            };
        }
        return static fn(array $each): bool => array_reduce($tests, static fn($is, $test) => $is && $test($each), true);
    }

    private static function tail(string $reference): string
    {
        return substr($reference, (int)strrpos('/' . $reference, '/'));
    }

    private static function hasIdentifier(array $each, string $value): bool
    {
        foreach ($each['identifier'] as $one) {
            [$system, $code] = [$one['system'] ?? '', $one['value'] ?? ''];
            if ($value === $code || $value === "$system|$code") {
                return true;
            }
        }
        return false;
    }

    /** @return list<string> */
    private static function encounters(array $each): array
    {
        return array_map(self::tail(...), array_filter(ResourceController::encountersOf($each), 'is_string'));
    }

    private static function updated(string $value): \Closure
    {
        $time = '/\A(ge|gt|le|lt|)(\d{4}-\d{2}-\d{2}(?:T[0-9:.]+(?:Z|[+-]\d{2}:\d{2}))?)\z/';
        Refusal::when(!preg_match($time, $value, $match), 'odd-time');
        $from = strtotime(strlen($match[2]) === 10 ? "$match[2]T00:00:00Z" : $match[2]);
        $to = strlen($match[2]) === 10 ? $from + 86399 : $from;
        $is = static fn(int $at): bool => match ($match[1]) {
            'ge' => $at >= $from,
            'gt' => $at > $to,
            'le' => $at <= $to,
            'lt' => $at < $from,
            default => $at >= $from && $at <= $to,
        };
        return static fn(array $each): bool => $is(strtotime($each['meta']['lastUpdated']));
    }
}
