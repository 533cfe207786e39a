<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

/** A request that is answered with an OperationOutcome; the sentence is fixed text, never what was sent. */
final class Refusal extends \RuntimeException
{
    /** Every refusal there is: HTTP status, FHIR issue code, sentence. */
    private const ALL = [
        'unknown-parameter' => [400, 'not-supported', 'The search has a parameter that is not known here.'],
        'odd-time' => [400, 'invalid', 'A time is like ge2026-11-23 or lt2026-11-23T10:00:00Z.'],
        'odd-body' => [400, 'structure', 'The body is not what this address takes.'],
        'odd-id' => [400, 'structure', 'The id in the body is not that of the address.'],
        'foreign-patient' => [403, 'forbidden', 'This is not the patient of this launch.'],
        'foreign-encounter' => [403, 'forbidden', 'This is not an encounter of the patient of this launch.'],
        'not-staff' => [403, 'forbidden', 'Only staff of the clinic may use this.'],
        'no-right' => [403, 'forbidden', 'Your rights in OpenEMR (encounters, notes) do not allow this.'],
        'not-here' => [404, 'not-found', 'There is no such resource of Chartside in this chart.'],
        'taken' => [409, 'duplicate', 'This identifier is used elsewhere, or by a deleted note.'],
        'encounter-locked' => [409, 'lock-error', 'The encounter is signed and locked in OpenEMR.'],
        'note-locked' => [409, 'lock-error', 'The note is signed and locked in OpenEMR.'],
        'note-signed' => [409, 'business-rule', 'The note is signed: file an amendment instead.'],
        'key-taken' => [409, 'duplicate', 'This key is used already.'],
        'changed' => [412, 'conflict', 'The resource has changed since that version.'],
        'too-long' => [413, 'too-long', 'The body is over 256 KB.'],
        'other-identifier' => [422, 'value', 'The first identifier may not change.'],
        'no-patient' => [422, 'required', 'A Consent kept here names its patient.'],
        'odd-meta' => [422, 'structure', 'The meta of a resource is an object.'],
        'odd-status' => [422, 'value', 'The status is not one that is kept here.'],
        'sound' => [422, 'value', 'No sound is kept here.'],
        'foreign-recording' => [422, 'value', 'The address of the recording is not below that of Chartside.'],
        'no-encounter' => [422, 'required', 'A note names its encounter.'],
        'odd-doc-status' => [422, 'value', 'A note is preliminary, final or amended.'],
        'odd-date' => [422, 'value', 'The date of a note is an instant with its zone.'],
        'other-encounter' => [422, 'value', 'The encounter of a note may not change.'],
        'odd-text' => [422, 'value', 'A note has one text/plain content of 1 to 65,000 bytes in UTF-8.'],
        'no-loinc' => [422, 'required', 'The type of a note has a LOINC code.'],
        'odd-key' => [422, 'value', 'The key has 1 to 80 letters, digits, hyphens, underscores or dots.'],
        'foreign-link' => [422, 'value', 'The link is not below the address of Chartside.'],
        'odd-expiry' => [422, 'value', 'The link expires within the next 24 hours.'],
        'odd-kind' => [422, 'value', 'The kind is ready or joinLink.'],
        'odd-identifier' => [422, 'value', 'The first identifier lacks system or value, or is too long.'],
        'no-version' => [428, 'required', 'A change needs If-Match with the version it is based on.'],
        'fault' => [500, 'exception', 'OpenEMR could not do this; see its log.'],
        'busy' => [503, 'transient', 'Another write is under way; try again.'],
    ];

    public readonly int $status;
    public readonly string $issue;

    public function __construct(string $name)
    {
        [$this->status, $this->issue, $sentence] = self::ALL[$name];
        parent::__construct($sentence);
    }

    public static function when(bool $isRefused, string $name): void
    {
        if ($isRefused) {
            throw new self($name);
        }
    }
}
