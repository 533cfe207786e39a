<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\Common\Http\HttpRestRequest;
use Symfony\Component\HttpFoundation\Response;

/** What {api}/chartside tells and takes: who is here, their own switch, and notices. */
final class StatusController
{
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
            'aiConsent' => OptIn::of($caller->userId),
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
            if (!is_string($key) || !preg_match('/\A[A-Za-z0-9._-]{1,80}\z/', $key)) {
                throw new Refusal(422, 'value', 'The key has 1 to 80 letters, digits, hyphens, underscores or dots.');
            }
            $isNew = match ($body['kind'] ?? null) {
                'ready' => Notices::addReady($key, $caller->user),
                'joinLink' => $this->addLink($key, $body, $caller),
                default => throw new Refusal(422, 'value', 'The kind is ready or joinLink.'),
            };
            return Answer::json($isNew ? 201 : 200, ['kind' => $body['kind'], 'key' => $key]);
        });
    }

    private function addLink(string $key, array $body, Caller $caller): bool
    {
        $caller->demandPatient($body['patient'] ?? null);
        $expires = is_string($body['expires'] ?? null) ? strtotime($body['expires']) : false;
        if (!$this->settings->isBelowAddress($body['url'] ?? null)) {
            throw new Refusal(422, 'value', 'The link is not below the address of Chartside.');
        }
        if ($expires === false || $expires <= time() || $expires > time() + 86400) {
            throw new Refusal(422, 'value', 'The link expires within the next 24 hours.');
        }
        return Notices::addLink($key, $caller, $body['url'], $expires);
    }
}
