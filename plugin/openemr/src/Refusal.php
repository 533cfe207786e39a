<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

/** A request that is answered with an OperationOutcome; the sentence is fixed text, never what was sent. */
final class Refusal extends \RuntimeException
{
    public function __construct(public readonly int $status, public readonly string $issue, string $sentence)
    {
        parent::__construct($sentence);
    }
}
