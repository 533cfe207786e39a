<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later
// The module's real handlers behind HTTP, for `php -S`: core's scope check and note reading as measured.

declare(strict_types=1);

use OpenEMR\Common\Acl\AclMain;
use OpenEMR\Common\Database\QueryUtils;
use OpenEMR\Common\Http\HttpRestRequest;
use OpenEMR\Common\Uuid\UuidRegistry;
use OpenEMR\Events\RestApiExtend\RestApiCreateEvent;
use OpenEMR\Events\RestApiExtend\RestApiScopeEvent;
use OpenEMR\Modules\Chartside\Bootstrap;
use OpenEMR\Modules\Chartside\Tests\Clinic;
use Symfony\Component\EventDispatcher\EventDispatcherInterface;
use Symfony\Component\HttpFoundation\Response;

require_once dirname(__DIR__) . '/autoload.php';

$file = (string)getenv('CHARTSIDE_STUB_DB');
is_file($file) ? QueryUtils::open($file) : Clinic::build($file);
$GLOBALS['site_addr_oath'] = 'http://' . $_SERVER['HTTP_HOST'];

/** Core's own routes for what the module leaves to it. */
function coreRoutes(): array
{
    $bundle = static fn(array $found): array => [
        'resourceType' => 'Bundle', 'type' => 'collection', 'total' => count($found),
        'entry' => array_map(static fn(array $each): array => ['resource' => $each], $found),
    ];
    $notes = static function (string $where, array $bound): array {
        $sql = 'SELECT n.*, p.uuid AS patient, e.uuid AS visit FROM form_clinical_notes n JOIN patient_data p ON p.pid = n.pid'
            . ' JOIN form_encounter e ON e.encounter = n.encounter JOIN forms f ON f.form_id = n.form_id AND f.deleted = 0'
            . " WHERE n.activity = 1 AND n.clinical_notes_category = '' AND $where";
        return array_map(static fn(array $row): array => [
            'resourceType' => 'DocumentReference',
            'id' => UuidRegistry::uuidToString($row['uuid']),
            'meta' => ['versionId' => '1'],
            'status' => 'current',
            'type' => ['coding' => [['system' => 'http://loinc.org', 'code' => substr($row['code'], 6)]]],
            'subject' => ['reference' => 'Patient/' . UuidRegistry::uuidToString($row['patient'])],
            'author' => [['reference' => 'Practitioner/' . $row['user']]],
            'context' => ['encounter' => [['reference' => 'Encounter/' . UuidRegistry::uuidToString($row['visit'])]]],
            'content' => [['attachment' => ['contentType' => 'text/plain', 'data' => base64_encode($row['description'])]]],
        ], QueryUtils::fetchRecords($sql, $bound));
    };
    $photo = ['resourceType' => 'Media', 'id' => '99999999-9999-4999-8999-999999999999', 'status' => 'completed'];
    return [
        'GET /fhir/DocumentReference' => static fn($request): array => $bundle(
            $notes('p.uuid = ?', [UuidRegistry::uuidToBytes($request->getPatientUUIDString())])
        ),
        'GET /fhir/DocumentReference/:uuid' => static fn($uuid, $request): array
            => $notes('n.uuid = ?', [UuidRegistry::uuidToBytes($uuid)])[0],
        'GET /fhir/Media' => static fn($request): array => $bundle([$photo]),
        'GET /fhir/Media/:uuid' => static fn($uuid, $request): array => $photo,
    ];
}

/** Dispatch by hand: the listeners that the module registers. */
final class Dispatcher implements EventDispatcherInterface
{
    public array $listeners = [];

    public function addListener(string $eventName, callable $listener, int $priority = 0): void
    {
        $this->listeners[$eventName][] = $listener;
    }

    public function dispatch(object $event, string $name): object
    {
        foreach ($this->listeners[$name] ?? [] as $listener) {
            $listener($event);
        }
        return $event;
    }
}

function reply(int $status, mixed $body, array $headers = []): void
{
    http_response_code($status);
    foreach ($headers + ['Content-Type' => 'application/json'] as $name => $value) {
        header("$name: $value");
    }
    echo is_string($body) ? $body : json_encode($body, JSON_UNESCAPED_SLASHES);
}

/** Core's check: the scope of the route's resource, as measured a missing one is 401. */
function hasScope(string $granted, string $context, string $resource, string $letter): bool
{
    foreach (explode(' ', $granted) as $scope) {
        if (str_starts_with($scope, "$context/$resource.") && str_contains(explode('.', $scope, 2)[1], $letter)) {
            return true;
        }
    }
    return false;
}

$events = new Dispatcher();
(new Bootstrap($events))->subscribeToEvents();
$scopes = [];
foreach ([RestApiScopeEvent::API_TYPE_FHIR, RestApiScopeEvent::API_TYPE_STANDARD] as $type) {
    $event = new RestApiScopeEvent($type);
    $scopes = [...$scopes, ...$events->dispatch($event, RestApiScopeEvent::EVENT_TYPE_GET_SUPPORTED_SCOPES)->scopes];
}
$scopes = [...$scopes, 'openid', 'fhirUser', 'launch', 'api:fhir', 'api:oemr'];
$path = (string)parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$raw = (string)file_get_contents('php://input');

if ($path === '/_sql') {
    // The test's own hand inside OpenEMR: an eSignature, an edit, a setting.
    ['sql' => $sql, 'bound' => $bound] = json_decode($raw, true);
    reply(200, QueryUtils::fetchRecords($sql, $bound));
    return;
}
if ($path === '/apis/default/fhir/.well-known/smart-configuration') {
    reply(200, ['scopes_supported' => [$scopes]]);
    return;
}
if ($path === '/oauth2/default/registration') {
    $wanted = explode(' ', json_decode($raw, true)['scope']);
    $unknown = array_filter($wanted, static fn(string $scope): bool => !in_array($scope, $scopes, true));
    $refused = ['error' => 'invalid_client_metadata', 'error_description' => 'unknown scope: ' . implode(' ', $unknown)];
    $unknown ? reply(400, $refused) : reply(200, ['client_id' => 'stub']);
    return;
}

$bearer = substr((string)($_SERVER['HTTP_AUTHORIZATION'] ?? ''), strlen('Bearer '));
$token = QueryUtils::fetchRecords('SELECT * FROM stub_token WHERE token = ?', [$bearer])[0] ?? null;
$isFhir = str_starts_with($path, '/apis/default/fhir/');
$route = (string)preg_replace('#^/apis/default#', '', $path);
$parts = explode('/', trim($route, '/'));
$id = $parts[2] ?? null;
$verb = $_SERVER['REQUEST_METHOD'];
$letter = ['POST' => 'c', 'PUT' => 'u'][$verb] ?? ($id === null ? 's' : 'r');
if ($token === null || !hasScope($token['scope'], $isFhir ? 'patient' : 'user', $parts[1] ?? '', $letter)) {
    reply(401, ['error' => 'Unauthorized', 'message' => 'Unauthorized', 'code' => 0]);
    return;
}
$created = $events->dispatch(new RestApiCreateEvent([], coreRoutes()), RestApiCreateEvent::EVENT_HANDLE);
$routes = $isFhir ? $created->getFHIRRouteMap() : $created->getRouteMap();
$handler = $routes["$verb /{$parts[0]}/{$parts[1]}" . ($id === null ? '' : '/:uuid')] ?? null;
if ($handler === null) {
    reply(404, '');
    return;
}
AclMain::$signedIn = $token['user'];
$userId = QueryUtils::fetchSingleValue('SELECT id FROM users WHERE username = ?', 'id', [$token['user']]);
$session = ['authUser' => $token['user'], 'authUserID' => $userId, 'authProvider' => 'Default'];
$headers = array_change_key_case(getallheaders());
$request = new HttpRestRequest($raw, $_GET, $headers, $session, $token['patient']);
$answer = $id === null ? $handler($request) : $handler($id, $request);
$answer instanceof Response
    ? reply($answer->getStatusCode(), $answer->getContent(), $answer->headers)
    : reply(200, $answer);
