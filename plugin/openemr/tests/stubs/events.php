<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside\Tests;

use Symfony\Component\EventDispatcher\EventDispatcherInterface;

/** Remembers what was subscribed. */
final class EventDispatcherDouble implements EventDispatcherInterface
{
    /** @var array<string, callable> */
    public array $listeners = [];

    public function addListener(string $eventName, callable $listener, int $priority = 0): void
    {
        $this->listeners[$eventName] = $listener;
    }
}
