<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

/** What a DocumentReference says, checked, in the words of a Clinical Note. */
final class Note
{
    private const LONGEST_TEXT_BYTES = 65000;

    /** @param array{uuid: string, number: int} $encounter */
    private function __construct(
        public readonly array $key,
        public readonly array $encounter,
        public readonly string $status,
        public readonly string $docStatus,
        public readonly string $dated,
        public readonly string $loinc,
        public readonly string $display,
        public readonly string $text
    ) {
    }

    public static function from(array $body, Caller $caller): self
    {
        $caller->demandPatient($body['subject']['reference'] ?? null);
        $reference = $body['context']['encounter'][0]['reference'] ?? null;
        if ($reference === null) {
            throw new Refusal(422, 'required', 'A note names its encounter.');
        }
        $encounter = $caller->encounter($reference);
        $status = $body['status'] ?? null;
        $docStatus = $body['docStatus'] ?? null;
        if (
            !in_array($status, ['current', 'superseded'], true)
            || !in_array($docStatus, ['preliminary', 'final', 'amended'], true)
        ) {
            throw new Refusal(422, 'value', 'A note is current or superseded, and preliminary, final or amended.');
        }
        $loinc = array_values(array_filter(
            is_array($body['type']['coding'] ?? null) ? $body['type']['coding'] : [],
            static fn(mixed $each): bool => ($each['system'] ?? null) === 'http://loinc.org'
                && is_string($each['code'] ?? null) && preg_match('/\A[0-9]{1,7}-[0-9]\z/', $each['code'])
        ))[0] ?? throw new Refusal(422, 'required', 'The type of a note has a LOINC code.');
        $dated = $body['date'] ?? null;
        if (!is_string($dated) || !preg_match('/\A\d{4}-\d{2}-\d{2}T[0-9:.]+(?:Z|[+-]\d{2}:\d{2})\z/', $dated)) {
            throw new Refusal(422, 'value', 'The date of a note is an instant with its zone.');
        }
        $key = Gate::identifier($body, 30);
        $text = self::text($body, $docStatus === 'preliminary');
        $display = mb_substr(is_string($loinc['display'] ?? null) ? $loinc['display'] : $loinc['code'], 0, 255);
        return new self($key, $encounter, $status, $docStatus, $dated, $loinc['code'], $display, $text);
    }

    private static function text(array $body, bool $isDraft): string
    {
        foreach (is_array($body['content'] ?? null) ? $body['content'] : [] as $content) {
            [$type, $data] = [$content['attachment']['contentType'] ?? null, $content['attachment']['data'] ?? null];
            if (is_string($type) && str_starts_with($type, 'text/plain')) {
                $text = is_string($data) ? base64_decode($data, true) : '';
                break;
            }
        }
        $text = (string)($text ?? '');
        if ($text === '' || strlen($text) > self::LONGEST_TEXT_BYTES || !mb_check_encoding($text, 'UTF-8')) {
            throw new Refusal(422, 'value', 'A note has one text/plain content of 1 to 65,000 bytes in UTF-8.');
        }
        // OpenEMR shows no docStatus, so a draft says in its first line what it is.
        return $isDraft && !str_starts_with($text, 'DRAFT') ? "DRAFT, not signed\n\n$text" : $text;
    }
}
