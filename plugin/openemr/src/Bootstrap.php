<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\Common\Acl\AclMain;
use OpenEMR\Events\Encounter\EncounterMenuEvent;
use OpenEMR\Events\Globals\GlobalsInitializedEvent;
use OpenEMR\Events\Main\Tabs\RenderEvent as MainRenderEvent;
use OpenEMR\Events\PatientPortal\RenderEvent as PortalRenderEvent;
use OpenEMR\Events\RestApiExtend\RestApiCreateEvent;
use OpenEMR\Events\RestApiExtend\RestApiScopeEvent;
use OpenEMR\Menu\MenuEvent;
use OpenEMR\Services\Globals\GlobalSetting;
use Symfony\Component\EventDispatcher\EventDispatcherInterface;

/** Where the module ties into OpenEMR: this list, and nothing else. */
final class Bootstrap
{
    public const WEB = '/interface/modules/custom_modules/oe-module-chartside/public/';
    private const TAB = 'Privacy & Security';

    private readonly Settings $settings;

    public function __construct(private readonly EventDispatcherInterface $events)
    {
        $this->settings = Settings::current();
    }

    public function subscribeToEvents(): void
    {
        $this->events->addListener(GlobalsInitializedEvent::EVENT_HANDLE, $this->addSwitch(...));
        $this->events->addListener(MenuEvent::MENU_UPDATE, $this->addMenu(...));
        // Before anything is configured: the client id comes from a registration, which has to name these scopes.
        $this->events->addListener(RestApiScopeEvent::EVENT_TYPE_GET_SUPPORTED_SCOPES, $this->addScopes(...));
        if (!$this->settings->isConfigured()) {
            return;
        }
        $this->events->addListener(RestApiCreateEvent::EVENT_HANDLE, $this->addRoutes(...));
        $this->events->addListener(EncounterMenuEvent::MENU_RENDER, $this->addEncounterEntry(...));
        $this->events->addListener(MainRenderEvent::EVENT_BODY_RENDER_POST, static fn() => print Page::readyPopUp());
        $card = static fn() => print Page::portalCard();
        $this->events->addListener(PortalRenderEvent::EVENT_DASHBOARD_INJECT_CARD, $card);
    }

    /** Offer each clinician their own switch, off until they tick it. */
    public function addSwitch(GlobalsInitializedEvent $event): void
    {
        $service = $event->getGlobalsService();
        if (!in_array(self::TAB, $service->getUserSpecificTabs(), true)) {
            $service->addUserSpecificTab(self::TAB);
        }
        $service->appendToSection(self::TAB, Settings::AI_CONSENT, new GlobalSetting(
            xl('Consent to using AI for telehealth sessions'),
            'bool',
            '0',
            xl('Each clinician decides under their own settings. A value set here for the site is not used.'),
            true
        ));
    }

    public function addScopes(RestApiScopeEvent $event): void
    {
        $scopes = $event->getApiType() === RestApiScopeEvent::API_TYPE_FHIR
            ? ['patient/Consent.cruds', 'patient/Media.cruds', 'patient/DocumentReference.cruds']
            : ['user/chartside.crus'];
        foreach ($scopes as $scope) {
            [$context, $resource, $letters] = preg_split('/[\/.]/', $scope);
            $event->addScope($context, $resource, $letters);
        }
    }

    public function addRoutes(RestApiCreateEvent $event): void
    {
        $status = new StatusController($this->settings);
        $event->addToRouteMap('GET /api/chartside', $status->show(...));
        $event->addToRouteMap('POST /api/chartside', $status->notice(...));
        $core = $event->getFHIRRouteMap();
        $callable = static fn(string $route): ?\Closure
            => isset($core[$route]) ? \Closure::fromCallable($core[$route]) : null;
        foreach (array_keys(ResourceController::KINDS) as $kind) {
            $coreRead = $callable("GET /fhir/$kind/:uuid");
            $taker = new ResourceController($kind, $this->settings, $coreRead, $callable("GET /fhir/$kind"));
            $event->addToFHIRRouteMap("POST /fhir/$kind", $taker->create(...));
            $event->addToFHIRRouteMap("PUT /fhir/$kind/:uuid", $taker->update(...));
            if ($kind === 'DocumentReference') {
                // Reading and searching notes stays OpenEMR's own; what it does not tell has a route of ours.
                $event->addToRouteMap('GET /api/chartside/:uuid', $taker->state(...));
                continue;
            }
            $event->addToFHIRRouteMap("GET /fhir/$kind", $taker->search(...));
            $event->addToFHIRRouteMap("GET /fhir/$kind/:uuid", $taker->read(...));
        }
    }

    /** Add a menu of our own: two ways into the app, and the settings. */
    public function addMenu(MenuEvent $event): MenuEvent
    {
        $notes = ['encounters', 'notes'];
        $launch = $this->settings->isConfigured() ? [
            self::item('chartside_encounter', xl('AI session summary of this encounter'), 'launch.php', $notes, 2),
            self::item('chartside_patient', xl('Open this patient in Chartside'), 'launch.php', $notes, 1),
        ] : [];
        $menu = self::item('chartside', 'Chartside', '', [], 0);
        $settings = self::item('chartside_settings', xl('Chartside settings'), 'settings.php', ['admin', 'super'], 0);
        $menu->children = [...$launch, $settings];
        $event->setMenu([...$event->getMenu(), $menu]);
        return $event;
    }

    public function addEncounterEntry(EncounterMenuEvent $event): EncounterMenuEvent
    {
        if (AclMain::aclCheckCore('encounters', 'notes', '', Gate::WRITE)) {
            $url = $GLOBALS['webroot'] . self::WEB . 'launch.php';
            $entry = ['displayText' => xl('AI session summary'), 'formURL' => $url];
            $event->setMenuData($event->getMenuData() + ['Chartside' => $entry]);
        }
        return $event;
    }

    /** @param int $requirement 1: a patient is open, 2: an encounter is open */
    private static function item(string $id, string $label, string $page, array $acl, int $requirement): \stdClass
    {
        return (object)[
            'menu_id' => $id,
            'label' => $label,
            'url' => $page === '' ? '' : self::WEB . $page,
            'target' => 'mod',
            'requirement' => $requirement,
            'acl_req' => $acl,
            'global_req' => [],
            'children' => [],
        ];
    }
}
