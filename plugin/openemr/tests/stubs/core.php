<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later
// Narrow stand-ins for the core classes that the module touches, over SQLite; signatures as in OpenEMR 8.2.

declare(strict_types=1);

namespace OpenEMR\Common\Database {
    final class QueryUtils
    {
        public static \PDO $db;
        public static bool $isLockFree = true;

        public static function open(string $path): void
        {
            self::$db = new \PDO("sqlite:$path");
            self::$db->exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY');
            self::$db->sqliteCreateFunction('GET_LOCK', static fn($name, $wait): int => (int)self::$isLockFree);
            self::$db->sqliteCreateFunction('RELEASE_LOCK', static fn($name): int => 1);
        }

        public static function fetchRecords($sqlStatement, $binds = []): array
        {
            $statement = self::$db->prepare($sqlStatement);
            $statement->execute(array_values($binds));
            return $statement->fetchAll(\PDO::FETCH_ASSOC);
        }

        public static function fetchSingleValue($sqlStatement, $column, $binds = [])
        {
            return self::fetchRecords($sqlStatement, $binds)[0][$column] ?? null;
        }

        public static function sqlStatementThrowException($statement, $binds = [])
        {
            return self::fetchRecords($statement, $binds);
        }

        public static function sqlInsert($statement, $binds = []): int
        {
            self::fetchRecords($statement, $binds);
            return (int)self::$db->lastInsertId();
        }

        public static function startTransaction(): void
        {
            self::$db->beginTransaction();
        }

        public static function commitTransaction(): void
        {
            self::$db->commit();
        }

        public static function rollbackTransaction(): void
        {
            self::$db->rollBack();
        }
    }
}

namespace OpenEMR\Common\Uuid {
    final class UuidRegistry
    {
        public function __construct(array $associations = [])
        {
        }

        public function createUuid(): string
        {
            return random_bytes(16);
        }

        public static function uuidToString($uuidBytes): string
        {
            return preg_replace('/^(.{8})(.{4})(.{4})(.{4})(.{12})$/', '$1-$2-$3-$4-$5', bin2hex($uuidBytes));
        }

        public static function uuidToBytes($uuidString): string
        {
            return hex2bin(str_replace('-', '', $uuidString));
        }
    }
}

namespace Ramsey\Uuid {
    final class Uuid
    {
        public static function uuid4(): self
        {
            return new self();
        }

        public function getBytes(): string
        {
            $hex = substr_replace(substr_replace(bin2hex(random_bytes(16)), '4', 12, 1), '8', 16, 1);
            return (string)hex2bin($hex);
        }
    }
}

namespace Symfony\Component\HttpFoundation {
    class Response
    {
        public function __construct(
            private readonly ?string $content = '',
            private readonly int $status = 200,
            public readonly array $headers = []
        ) {
        }

        public function getContent(): string|false
        {
            return $this->content;
        }

        public function getStatusCode(): int
        {
            return $this->status;
        }
    }

    final class Session
    {
        public function __construct(private readonly array $values)
        {
        }

        public function get(string $name, mixed $default = null): mixed
        {
            return $this->values[$name] ?? $default;
        }
    }
}

namespace Symfony\Component\HttpKernel\Exception {
    class HttpException extends \RuntimeException
    {
        public function __construct(private readonly int $statusCode, string $message = '')
        {
            parent::__construct($message);
        }
    }

    final class AccessDeniedHttpException extends HttpException
    {
        public function __construct(string $message = '')
        {
            parent::__construct(403, $message);
        }
    }
}

namespace Symfony\Component\EventDispatcher {
    interface EventDispatcherInterface
    {
        public function addListener(string $eventName, callable $listener, int $priority = 0);
    }
}

namespace OpenEMR\Common\Http {
    use Symfony\Component\HttpFoundation\Session;

    final class HttpRestRequest
    {
        public function __construct(
            private readonly string $content,
            private readonly array $query,
            private readonly array $headers,
            private readonly array $session,
            private readonly ?string $patient,
            private readonly string $role = 'users'
        ) {
        }

        public function getContent(bool $asResource = false): string
        {
            return $this->content;
        }

        public function getQueryParams(): array
        {
            return $this->query;
        }

        public function getHeader(string $headerName): array
        {
            $value = $this->headers[strtolower($headerName)] ?? null;
            return $value === null ? [] : [$value];
        }

        public function getSession(): Session
        {
            return new Session($this->session);
        }

        public function getPatientUUIDString(): ?string
        {
            return $this->patient;
        }

        public function getRequestUserRole(): string
        {
            return $this->role;
        }
    }
}

namespace OpenEMR\Common\Acl {
    use OpenEMR\Common\Database\QueryUtils;

    final class AclMain
    {
        public static string $signedIn = '';

        /** Clinicians may write notes, Front Office may not; administrators may all. */
        public static function aclCheckCore($section, $value, $user = '', $return_value = ''): bool
        {
            $sql = 'SELECT acl_group FROM users WHERE username = ?';
            $group = QueryUtils::fetchSingleValue($sql, 'acl_group', [$user ?: self::$signedIn]);
            $wanted = array_intersect((array)$return_value, ['view', 'write', 'addonly']);
            return $group === 'Administrators'
                || ($group === 'Clinicians' && "$section/$value" === 'encounters/notes' && $wanted !== []);
        }
    }
}

namespace OpenEMR\RestControllers\Config {
    use OpenEMR\Common\Acl\AclMain;
    use OpenEMR\Common\Http\HttpRestRequest;
    use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;

    final class RestConfig
    {
        public static function request_authorization_check(
            HttpRestRequest $request,
            $section,
            $value,
            $aclPermission = ''
        ): void {
            if (!AclMain::aclCheckCore($section, $value, $request->getSession()->get('authUser'), $aclPermission)) {
                throw new AccessDeniedHttpException('Organization policy does not have permit access resource');
            }
        }
    }
}

namespace OpenEMR\Common\Logging {
    use OpenEMR\Common\Database\QueryUtils;

    final class EventAuditLogger
    {
        public static function getInstance(): self
        {
            return new self();
        }

        public function newEvent($event, $user, $groupname, $success, $comments = '', $patient_id = null): void
        {
            $sql = 'INSERT INTO log (event, user, groupname, success, comments, patient_id) VALUES (?, ?, ?, ?, ?, ?)';
            QueryUtils::sqlInsert($sql, [$event, $user, $groupname, $success, $comments, $patient_id]);
        }
    }

    final class SystemLogger
    {
        public static array $errors = [];

        public function error($message, array $context = []): void
        {
            self::$errors[] = [$message, $context];
            error_log($message . ' ' . json_encode($context));
        }
    }
}

namespace OpenEMR\FHIR\Config {
    final class ServerConfig
    {
        public function getFhirUrl(): string
        {
            return $GLOBALS['site_addr_oath'] . '/apis/default/fhir';
        }
    }
}

namespace OpenEMR\FHIR\SMART {
    final class SMARTLaunchToken
    {
        public const INTENT_PATIENT_DEMOGRAPHICS_DIALOG = 'patient.demographics.dialog';
    }
}

namespace OpenEMR\Services {
    use OpenEMR\Common\Database\QueryUtils;
    use OpenEMR\Common\Uuid\UuidRegistry;

    /** As core writes: keys straight into the SQL, max+1, no lock. */
    final class ClinicalNotesService
    {
        public function createClinicalNotesParentForm($pid, $encounter, $userauthorized): int
        {
            $sql = 'SELECT COALESCE(MAX(form_id), 0) AS largest FROM form_clinical_notes';
            $form = 1 + QueryUtils::fetchSingleValue($sql, 'largest');
            addForm($encounter, 'Clinical Notes Form', $form, 'clinical_notes', $pid, $userauthorized);
            return $form;
        }

        public function saveArray(array $record): array
        {
            $id = $record['id'] ?? null;
            unset($record['id']);
            if ($id !== null) {
                $set = implode(', ', array_map(static fn($key): string => "$key = ?", array_keys($record)));
                $sql = "UPDATE form_clinical_notes SET $set WHERE id = ?";
                QueryUtils::sqlStatementThrowException($sql, [...array_values($record), $id]);
                return $record + ['id' => $id];
            }
            $record['uuid'] = (new UuidRegistry())->createUuid();
            $marks = implode(', ', array_fill(0, count($record), '?'));
            $sql = 'INSERT INTO form_clinical_notes (' . implode(', ', array_keys($record)) . ") VALUES ($marks)";
            return $record + ['id' => QueryUtils::sqlInsert($sql, array_values($record))];
        }
    }
}

namespace OpenEMR\Services\Globals {
    final class GlobalSetting
    {
        public function __construct(
            public readonly string $label,
            public readonly string $dataType,
            public readonly string $default,
            public readonly string $description,
            public readonly bool $isUserSetting = false
        ) {
        }
    }

    final class GlobalsService
    {
        public array $sections = [];
        public array $tabs = [];

        public function getUserSpecificTabs(): array
        {
            return $this->tabs;
        }

        public function addUserSpecificTab($tab): void
        {
            $this->tabs[] = $tab;
        }

        public function appendToSection($section, $key, GlobalSetting $global): void
        {
            $this->sections[$section][$key] = $global;
        }
    }
}

namespace OpenEMR\Events\Globals {
    use OpenEMR\Services\Globals\GlobalsService;

    final class GlobalsInitializedEvent
    {
        public const EVENT_HANDLE = 'globals.initialized';

        public function __construct(private readonly GlobalsService $service)
        {
        }

        public function getGlobalsService(): GlobalsService
        {
            return $this->service;
        }
    }
}

namespace OpenEMR\Events\RestApiExtend {
    final class RestApiCreateEvent
    {
        public const EVENT_HANDLE = 'restConfig.route_map.create';

        public function __construct(private array $routes, private array $fhirRoutes)
        {
        }

        public function getRouteMap(): array
        {
            return $this->routes;
        }

        public function getFHIRRouteMap(): array
        {
            return $this->fhirRoutes;
        }

        public function addToRouteMap($route, $action): void
        {
            $this->routes[$route] = $action;
        }

        public function addToFHIRRouteMap($route, $action): void
        {
            $this->fhirRoutes[$route] = $action;
        }
    }

    final class RestApiScopeEvent
    {
        public const API_TYPE_STANDARD = 'standard';
        public const API_TYPE_FHIR = 'fhir';
        public const EVENT_TYPE_GET_SUPPORTED_SCOPES = 'api.scope.get-supported-scopes';
        public array $scopes = [];

        public function __construct(private readonly string $type)
        {
        }

        public function getApiType(): string
        {
            return $this->type;
        }

        public function addScope($context, $resource, $permission): void
        {
            $this->scopes[] = "$context/$resource.$permission";
        }
    }
}

namespace OpenEMR\Events\Encounter {
    final class EncounterMenuEvent
    {
        public const MENU_RENDER = 'menu.render';

        public function __construct(private array $menu = [])
        {
        }

        public function getMenuData(): array
        {
            return $this->menu;
        }

        public function setMenuData(array $menu): void
        {
            $this->menu = $menu;
        }
    }
}

namespace OpenEMR\Events\Main\Tabs {
    final class RenderEvent
    {
        public const EVENT_BODY_RENDER_POST = 'main.body.render.post';
    }
}

namespace OpenEMR\Events\PatientPortal {
    final class RenderEvent
    {
        public const EVENT_DASHBOARD_INJECT_CARD = 'home.dashboard.inject.card';
    }
}

namespace OpenEMR\Menu {
    final class MenuEvent
    {
        public const MENU_UPDATE = 'menu.update';

        public function __construct(private array $menu = [])
        {
        }

        public function getMenu(): array
        {
            return $this->menu;
        }

        public function setMenu(array $menu): void
        {
            $this->menu = $menu;
        }
    }
}

namespace OpenEMR\Core {
    abstract class AbstractModuleActionListener
    {
    }
}

namespace OpenEMR\Common\Session {
    use Symfony\Component\HttpFoundation\Session;

    final class SessionWrapperFactory
    {
        public static array $values = [];

        public static function getInstance(): self
        {
            return new self();
        }

        public function getActiveSession(): Session
        {
            return new Session(self::$values);
        }
    }
}

namespace OpenEMR\Common\Csrf {
    use Symfony\Component\HttpFoundation\Session;

    final class CsrfUtils
    {
        public const TOKEN = 'csrf-of-this-session';

        public static function collectCsrfToken(Session $session, string $subject = 'default'): string
        {
            return self::TOKEN;
        }

        public static function verifyCsrfToken($token, Session $session, string $subject = 'default'): bool
        {
            return $token === self::TOKEN;
        }
    }
}

namespace {
    function xl(string $constant): string
    {
        return $constant;
    }

    function text($text): string
    {
        return htmlspecialchars((string)$text, ENT_NOQUOTES);
    }

    function attr($text): string
    {
        return htmlspecialchars((string)$text, ENT_QUOTES);
    }

    function xlt(string $key): string
    {
        return text(xl($key));
    }
}
