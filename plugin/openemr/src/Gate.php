<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\Common\Database\QueryUtils;
use OpenEMR\Common\Http\HttpRestRequest;
use OpenEMR\Common\Logging\EventAuditLogger;
use OpenEMR\Common\Logging\SystemLogger;
use OpenEMR\RestControllers\Config\RestConfig;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\Exception\HttpException;

/** The one way into every handler: rights first, audit last, and FHIR's words for whatever goes wrong. */
final class Gate
{
    public const READ = ['view', 'write', 'addonly'];
    public const WRITE = ['write', 'addonly'];
    private const MAX_BODY_BYTES = 262144;
    private const LOCK = 'chartside.write';
    private const LOCK_WAIT_S = 5;

    /** @param callable(Caller): Response $work runs alone on this server and in one transaction */
    public static function write(HttpRestRequest $request, string $what, callable $work): Response
    {
        $audited = static function (Caller $caller) use ($what, $work): Response {
            $answer = self::alone(static fn(): Response => $work($caller));
            self::audit($caller, true, "$what {$answer->getStatusCode()}");
            return $answer;
        };
        return self::read($request, $what, $audited, self::WRITE);
    }

    /** Return the body as a resource of that type. */
    public static function body(HttpRestRequest $request, string $type = '', string $id = ''): array
    {
        $raw = (string)$request->getContent();
        Refusal::when(strlen($raw) > self::MAX_BODY_BYTES, 'too-long');
        $body = json_decode($raw, true, 40);
        Refusal::when(!is_array($body) || array_is_list($body), 'odd-body');
        Refusal::when($type !== '' && ($body['resourceType'] ?? null) !== $type, 'odd-body');
        Refusal::when($id !== '' && ($body['id'] ?? null) !== $id, 'odd-id');
        return $body;
    }

    /** Compare If-Match with the version that stands. */
    public static function demandVersion(HttpRestRequest $request, int $version): void
    {
        $sent = trim((string)($request->getHeader('If-Match')[0] ?? ''));
        Refusal::when($sent === '', 'no-version');
        Refusal::when(!in_array($sent, ["\"$version\"", "W/\"$version\""], true), 'changed');
    }

    /** @return array{0: string, 1: string} system and value of the first identifier, the exactly-once key */
    public static function identifier(array $body, int $longest): array
    {
        $system = $body['identifier'][0]['system'] ?? null;
        $value = $body['identifier'][0]['value'] ?? null;
        $fits = static fn(mixed $text, int $max): bool => is_string($text)
            && preg_match("/\A[\\x21-\\x7e]{1,$max}\z/", $text);
        Refusal::when(!$fits($system, 190) || !$fits($value, $longest), 'odd-identifier');
        return [$system, $value];
    }

    /**
     * @param callable(Caller): Response $work
     * @param list<string> $permissions of OpenEMR's encounters/notes; one of them is needed
     */
    public static function read(
        HttpRestRequest $request,
        string $what,
        callable $work,
        array $permissions = self::READ
    ): Response {
        $caller = null;
        try {
            $caller = Caller::of($request);
            Refusal::when($request->getRequestUserRole() !== 'users', 'not-staff');
            RestConfig::request_authorization_check($request, 'encounters', 'notes', $permissions);
            return $work($caller);
        } catch (Refusal $refusal) {
            $answer = $refusal;
        } catch (HttpException) {
            $answer = new Refusal('no-right');
        } catch (\Throwable $fault) {
            // The message may hold what was sent: class and place are enough to find it.
            $place = [$fault::class, basename($fault->getFile()), $fault->getLine()];
            (new SystemLogger())->error('Chartside: ' . $what, $place);
            $answer = new Refusal('fault');
        }
        self::audit($caller, false, "$what {$answer->status} {$answer->issue}");
        return Answer::refusal($answer);
    }

    private static function alone(callable $work): Response
    {
        $lock = [self::LOCK, self::LOCK_WAIT_S];
        $taken = QueryUtils::fetchSingleValue('SELECT GET_LOCK(?, ?) AS taken', 'taken', $lock);
        Refusal::when((int)$taken !== 1, 'busy');
        QueryUtils::startTransaction();
        try {
            $answer = $work();
            QueryUtils::commitTransaction();
            return $answer;
        } catch (Refusal $refusal) {
            // All that stands so far is the note of a change made in OpenEMR, and it must last.
            QueryUtils::commitTransaction();
            throw $refusal;
        } catch (\Throwable $fault) {
            QueryUtils::rollbackTransaction();
            throw $fault;
        } finally {
            QueryUtils::fetchSingleValue('SELECT RELEASE_LOCK(?) AS freed', 'freed', [self::LOCK]);
        }
    }

    private static function audit(?Caller $caller, bool $success, string $comment): void
    {
        // Its accessor was renamed between OpenEMR 8.0 and 8.2.
        $log = method_exists(EventAuditLogger::class, 'getInstance')
            ? EventAuditLogger::getInstance() : EventAuditLogger::instance();
        $pid = $caller?->pid ?: null;
        $log->newEvent('chartside', $caller?->user ?? '', $caller?->group ?? '', (int)$success, $comment, $pid);
    }
}
