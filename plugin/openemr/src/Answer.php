<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\FHIR\Config\ServerConfig;
use Symfony\Component\HttpFoundation\Response;

/** The answers of this module: FHIR resources, bundles, plain JSON and OperationOutcomes. */
final class Answer
{
    private const JSON = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION
        | JSON_THROW_ON_ERROR;

    public static function encoded(array $shape): string
    {
        return json_encode($shape, self::JSON);
    }

    /** @param array $resource with id, meta.versionId and meta.lastUpdated */
    public static function resource(int $status, array $resource): Response
    {
        $version = $resource['meta']['versionId'];
        $headers = [
            'ETag' => "W/\"$version\"",
            'Last-Modified' => gmdate('D, d M Y H:i:s', strtotime($resource['meta']['lastUpdated'])) . ' GMT',
        ];
        // Only for what is new: PHP makes a redirect of any 200 that has a Location.
        $isNew = $status === 201;
        $place = self::base() . "/{$resource['resourceType']}/{$resource['id']}/_history/$version";
        return self::fhir($status, $resource, $isNew ? $headers + ['Location' => $place] : $headers);
    }

    /** @param list<array> $resources */
    public static function bundle(array $resources, int $total): Response
    {
        $entry = static fn(array $each): array => [
            'fullUrl' => self::base() . "/{$each['resourceType']}/{$each['id']}",
            'resource' => $each,
            'search' => ['mode' => 'match'],
        ];
        $bundle = ['resourceType' => 'Bundle', 'type' => 'searchset', 'total' => $total];
        return self::fhir(200, $resources ? $bundle + ['entry' => array_map($entry, $resources)] : $bundle);
    }

    public static function json(int $status, array $shape): Response
    {
        return new Response(self::encoded($shape), $status, ['Content-Type' => 'application/json']);
    }

    public static function refusal(Refusal $refusal): Response
    {
        $issue = ['severity' => 'error', 'code' => $refusal->issue, 'diagnostics' => $refusal->getMessage()];
        $headers = $refusal->status === 503 ? ['Retry-After' => '2'] : [];
        return self::fhir($refusal->status, ['resourceType' => 'OperationOutcome', 'issue' => [$issue]], $headers);
    }

    public static function base(): string
    {
        return rtrim((new ServerConfig())->getFhirUrl(), '/');
    }

    private static function fhir(int $status, array $resource, array $headers = []): Response
    {
        $headers += ['Content-Type' => 'application/fhir+json', 'Cache-Control' => 'no-store'];
        return new Response(self::encoded($resource), $status, $headers);
    }
}
