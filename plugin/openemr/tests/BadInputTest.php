<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside\Tests;

use OpenEMR\Common\Http\HttpRestRequest;
use OpenEMR\Modules\Chartside\ResourceController;
use OpenEMR\Modules\Chartside\Settings;
use PHPUnit\Framework\TestCase;

final class BadInputTest extends TestCase
{
    private const ODD = [
        'x', 5, null, true, 1.5, [], [1], [[]], [null], ['a' => 1], [['a' => 'b']], [['attachment' => 'x']],
        [['attachment' => ['contentType' => 'text/plain', 'data' => ['x']]]],
        [['attachment' => ['contentType' => ['x']]]],
        ['coding' => [['system' => 'http://loinc.org', 'code' => ['x']]]], ['coding' => 'x'],
        ['coding' => [['system' => 'http://loinc.org', 'code' => '1-1', 'display' => ['x']]]],
        ['data' => 'x'], ['data' => ['x']], ['data' => [['reference' => 'Encounter/x']]], ['encounter' => 'x'],
        ['encounter' => ['x']], ['url' => ['x']], ['url' => 5], ['reference' => ['x']], ['reference' => "Patient/\0"],
    ];

    /** @dataProvider kinds */
    public function testNoOddlyShapedElementIsTheServersFault(string $kind, array $more): void
    {
        Clinic::build(':memory:');
        $body = $more + ['resourceType' => $kind, 'status' => 'completed', 'identifier' => [], 'meta' => []];
        $statuses = [];
        foreach (array_keys($body) as $element) {
            foreach (self::ODD as $number => $odd) {
                $key = [['system' => 'https://a.example', 'value' => "$element-$number"]];
                $sent = [$element => $odd] + ['identifier' => $element === 'identifier' ? $odd : $key] + $body;
                $statuses[$this->create($kind, $sent)][] = $element . json_encode($odd);
            }
        }
        self::assertSame([], array_diff_key($statuses, array_flip([201, 400, 403, 422])));
        self::assertNotEmpty($statuses[422]);
    }

    /** @return array<string, array{string, array}> */
    public function kinds(): array
    {
        $patient = ['reference' => 'Patient/' . Clinic::CAROL];
        $encounter = ['reference' => 'Encounter/' . Clinic::VISIT];
        return [
            'Consent' => ['Consent', ['status' => 'active', 'patient' => $patient, 'provision' => []]],
            'Media' => ['Media', ['subject' => $patient, 'encounter' => $encounter, 'content' => []]],
            'DocumentReference' => ['DocumentReference', [
                'status' => 'current',
                'docStatus' => 'final',
                'type' => ['coding' => [['system' => 'http://loinc.org', 'code' => '34904-3']]],
                'subject' => $patient,
                'date' => '2026-11-22T17:00:00Z',
                'content' => [['attachment' => ['contentType' => 'text/plain', 'data' => 'aGk=']]],
                'context' => ['encounter' => [$encounter]],
            ]],
        ];
    }

    private function create(string $kind, array $body): int
    {
        $session = ['authUser' => 'dr-alice', 'authUserID' => 4, 'authProvider' => 'Default'];
        $request = new HttpRestRequest((string)json_encode($body), [], [], $session, Clinic::CAROL);
        $taker = new ResourceController($kind, Settings::current());
        return $taker->create($request)->getStatusCode();
    }
}
