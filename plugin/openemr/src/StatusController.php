<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\Common\Http\HttpRestRequest;
use Symfony\Component\HttpFoundation\Response;

/** What {api}/chartside tells and takes: who is here, their own switch, and notices. */
final class StatusController
{
    private const READY_KEPT_S = 86400;
    private const KEPT = ['create', 'read', 'search', 'update'];

    public function __construct(private readonly Settings $settings)
    {
    }

    public function show(HttpRestRequest $request): Response
    {
        return Gate::read($request, 'GET chartside', static fn(Caller $caller): Response => Answer::json(200, [
            'module' => 'chartside',
            'contract' => 1,
            'version' => Settings::VERSION,
            'username' => $caller->user,
            'aiConsent' => Settings::hasOptedIn($caller->userId),
            'capabilities' => [
                'Consent' => self::KEPT,
                'Media' => self::KEPT,
                'DocumentReference' => ['create', 'update'],
                'notice' => ['create'],
                'joinLink' => ['create'],
            ],
        ]));
    }

    public function notice(HttpRestRequest $request): Response
    {
        return Gate::write($request, 'POST chartside', function (Caller $caller) use ($request): Response {
            $body = Gate::body($request);
            $key = $body['key'] ?? null;
            Refusal::when(!is_string($key) || !preg_match('/\A[A-Za-z0-9._-]{1,80}\z/', $key), 'odd-key');
            $isNew = match ($body['kind'] ?? null) {
                'ready' => Notices::add('ready', $key, $caller->user, 0, '', time() + self::READY_KEPT_S),
                'joinLink' => $this->addLink($key, $body, $caller),
                default => throw new Refusal('odd-kind'),
            };
            return Answer::json($isNew ? 201 : 200, ['kind' => $body['kind'], 'key' => $key]);
        });
    }

    private function addLink(string $key, array $body, Caller $caller): bool
    {
        $caller->demandPatient($body['patient'] ?? null);
        $expires = is_string($body['expires'] ?? null) ? strtotime($body['expires']) : false;
        Refusal::when(!$this->settings->isBelowAddress($body['url'] ?? null), 'foreign-link');
        Refusal::when($expires === false || $expires <= time() || $expires > time() + 86400, 'odd-expiry');
        return Notices::add('joinLink', $key, $caller->user, $caller->pid, $body['url'], $expires);
    }
}
