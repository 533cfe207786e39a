<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside\Tests;

use OpenEMR\Common\Acl\AclMain;
use OpenEMR\Events\Encounter\EncounterMenuEvent;
use OpenEMR\Events\Globals\GlobalsInitializedEvent;
use OpenEMR\Events\RestApiExtend\RestApiCreateEvent;
use OpenEMR\Events\RestApiExtend\RestApiScopeEvent;
use OpenEMR\Menu\MenuEvent;
use OpenEMR\Modules\Chartside\Bootstrap;
use OpenEMR\Modules\Chartside\Settings;
use OpenEMR\Services\Globals\GlobalsService;
use PHPUnit\Framework\TestCase;

final class BootstrapTest extends TestCase
{
    private EventDispatcherDouble $events;

    protected function setUp(): void
    {
        Clinic::build(':memory:');
        AclMain::$signedIn = 'dr-alice';
        $this->events = new EventDispatcherDouble();
        (new Bootstrap($this->events))->subscribeToEvents();
    }

    protected function tearDown(): void
    {
        $GLOBALS[Settings::ADDRESS] = 'https://chartside.example.org';
    }

    /** Without client id and address: settings, switch, and the scopes that registering (which gives the id) names. */
    public function testItOffersNothingButSettingsUntilItIsSetUp(): void
    {
        $GLOBALS[Settings::ADDRESS] = '';
        $events = new EventDispatcherDouble();
        (new Bootstrap($events))->subscribeToEvents();
        $wanted = ['globals.initialized', 'menu.update', 'api.scope.get-supported-scopes'];
        self::assertSame($wanted, array_keys($events->listeners));
        $menu = new MenuEvent();
        $events->listeners['menu.update']($menu);
        self::assertSame(['chartside_settings'], array_column($menu->getMenu()[0]->children, 'menu_id'));
    }

    /** The switch stands in the user's tab, as theirs, off. */
    public function testTheSwitchIsPerUserAndOff(): void
    {
        $service = new GlobalsService();
        $this->events->listeners['globals.initialized'](new GlobalsInitializedEvent($service));
        $this->events->listeners['globals.initialized'](new GlobalsInitializedEvent($service));
        self::assertSame(['Privacy & Security'], $service->tabs);
        $setting = $service->sections['Privacy & Security'][Settings::AI_CONSENT];
        self::assertSame('Consent to using AI for telehealth sessions', $setting->label);
        self::assertSame(['bool', '0', true], [$setting->dataType, $setting->default, $setting->isUserSetting]);
    }

    /** Scopes: patient/ for FHIR, one resource for the standard API. */
    public function testItAddsItsScopes(): void
    {
        $fhir = new RestApiScopeEvent(RestApiScopeEvent::API_TYPE_FHIR);
        $standard = new RestApiScopeEvent(RestApiScopeEvent::API_TYPE_STANDARD);
        $this->events->listeners['api.scope.get-supported-scopes']($fhir);
        $this->events->listeners['api.scope.get-supported-scopes']($standard);
        $wanted = ['patient/Consent.cruds', 'patient/Media.cruds', 'patient/DocumentReference.cruds'];
        self::assertSame($wanted, $fhir->scopes);
        self::assertSame(['user/chartside.crus'], $standard->scopes);
    }

    /** Core's reading of notes is left alone; what later versions refuse with 405 is overridden. */
    public function testItAddsItsRoutesAndLeavesCoreReading(): void
    {
        $core = static fn(): string => 'core';
        $refuses = ['GET /fhir/DocumentReference' => $core, 'POST /fhir/DocumentReference' => $core];
        $event = new RestApiCreateEvent([], $refuses);
        $this->events->listeners['restConfig.route_map.create']($event);
        $fhir = $event->getFHIRRouteMap();
        self::assertSame($core, $fhir['GET /fhir/DocumentReference']);
        self::assertNotSame($core, $fhir['POST /fhir/DocumentReference']);
        foreach (['Consent', 'Media'] as $kind) {
            self::assertArrayHasKey("GET /fhir/$kind", $fhir);
            self::assertArrayHasKey("GET /fhir/$kind/:uuid", $fhir);
            self::assertArrayHasKey("POST /fhir/$kind", $fhir);
            self::assertArrayHasKey("PUT /fhir/$kind/:uuid", $fhir);
        }
        $standard = ['GET /api/chartside', 'POST /api/chartside', 'GET /api/chartside/:uuid'];
        self::assertSame($standard, array_keys($event->getRouteMap()));
    }

    /** The menu leads to the launch page when a patient or an encounter is open; others' entries stay. */
    public function testItAddsItsMenusBesideThoseOfOthers(): void
    {
        $menu = new MenuEvent([(object)['menu_id' => 'patimg']]);
        $this->events->listeners['menu.update']($menu);
        self::assertSame(['patimg', 'chartside'], array_column($menu->getMenu(), 'menu_id'));
        self::assertSame([2, 1, 0], array_column($menu->getMenu()[1]->children, 'requirement'));
        $encounter = new EncounterMenuEvent(['Clinical' => []]);
        $this->events->listeners['menu.render']($encounter);
        self::assertSame(['Clinical', 'Chartside'], array_keys($encounter->getMenuData()));
        AclMain::$signedIn = 'desk';
        $encounter = new EncounterMenuEvent([]);
        $this->events->listeners['menu.render']($encounter);
        self::assertSame([], $encounter->getMenuData());
    }
}
