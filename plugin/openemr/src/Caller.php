<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\Common\Database\QueryUtils;
use OpenEMR\Common\Http\HttpRestRequest;
use OpenEMR\Common\Uuid\UuidRegistry;

/** Who asks, and for which chart: the signed-in user, and the patient of the launch where the token names one. */
final class Caller
{
    public const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

    private function __construct(
        public readonly string $user,
        public readonly int $userId,
        public readonly string $group,
        public readonly string $patientUuid,
        public readonly int $pid
    ) {
    }

    public static function of(HttpRestRequest $request): self
    {
        $session = $request->getSession();
        $patient = strtolower((string)$request->getPatientUUIDString());
        return new self(
            (string)$session->get('authUser'),
            (int)$session->get('authUserID'),
            (string)$session->get('authProvider'),
            $patient,
            self::isUuid($patient) ? self::row('SELECT pid AS found FROM patient_data WHERE uuid = ?', $patient) : 0
        );
    }

    public static function isUuid(mixed $value): bool
    {
        return is_string($value) && preg_match('/\A' . self::UUID . '\z/', $value) === 1;
    }

    /** Refuse whatever is not about the patient of this launch. */
    public function demandPatient(mixed $reference): void
    {
        Refusal::when($this->pid === 0 || self::idIn($reference, 'Patient') !== $this->patientUuid, 'foreign-patient');
    }

    /** @return array{uuid: string, number: int} an encounter of the launch's patient */
    public function encounter(mixed $reference): array
    {
        $uuid = self::idIn($reference, 'Encounter');
        $sql = 'SELECT encounter AS found FROM form_encounter WHERE uuid = ? AND pid = ?';
        $number = $uuid === '' ? 0 : self::row($sql, $uuid, $this->pid);
        Refusal::when($number === 0, 'foreign-encounter');
        return ['uuid' => $uuid, 'number' => $number];
    }

    /** Return the uuid of a reference, relative or absolute on this server; empty for any other. */
    private static function idIn(mixed $reference, string $type): string
    {
        $base = preg_quote(Answer::base(), '/');
        $found = is_string($reference)
            && preg_match("/\A(?:$base\/)?$type\/(" . self::UUID . ')\z/', $reference, $match) === 1;
        return $found ? $match[1] : '';
    }

    private static function row(string $sql, string $uuid, mixed ...$more): int
    {
        return (int)(QueryUtils::fetchRecords($sql, [UuidRegistry::uuidToBytes($uuid), ...$more])[0]['found'] ?? 0);
    }
}
