<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

declare(strict_types=1);

namespace OpenEMR\Modules\Chartside;

use OpenEMR\Common\Acl\AclMain;
use OpenEMR\Common\Csrf\CsrfUtils;
use OpenEMR\Common\Session\SessionWrapperFactory;
use OpenEMR\FHIR\SMART\SMARTLaunchToken;

/** The few pieces of HTML in OpenEMR's own pages; each says who may see it, and escapes all it shows. */
final class Page
{
    /** A page with the button that opens the app in a top-level window: a frame would get no microphone. */
    public static function launch(): string
    {
        $isAllowed = AclMain::aclCheckCore('encounters', 'notes', '', Gate::WRITE);
        if (!$isAllowed || !Settings::current()->isConfigured()) {
            http_response_code(403);
            return self::page('<p>' . xlt('Chartside is not set up, or your rights do not allow it.') . '</p>');
        }
        $target = $GLOBALS['webroot'] . '/interface/smart/ehr-launch-client.php';
        return self::page(
            '<form target="_blank" action="' . attr($target) . '">'
            . self::hidden('client_id', Settings::current()->clientId)
            . self::hidden('intent', SMARTLaunchToken::INTENT_PATIENT_DEMOGRAPHICS_DIALOG)
            . self::hidden('csrf_token', self::token())
            . '<p>' . xlt('Chartside opens in a window of its own, for the chart that is open here.') . '</p>'
            . '<button class="btn btn-primary" autofocus>' . xlt('Open Chartside') . '</button></form>'
        );
    }

    public static function settings(array $posted): string
    {
        if (!AclMain::aclCheckCore('admin', 'super')) {
            http_response_code(403);
            return self::page('<p>' . xlt('Only administrators may change this.') . '</p>');
        }
        $settings = Settings::current();
        $problems = [];
        $said = '';
        if ($posted) {
            if (!CsrfUtils::verifyCsrfToken((string)($posted['csrf_token'] ?? ''), session: self::session())) {
                http_response_code(403);
                return self::page('<p>' . xlt('This page was open too long. Load it again.') . '</p>');
            }
            $sent = static fn(string $name): string => is_string($posted[$name] ?? null) ? trim($posted[$name]) : '';
            $address = rtrim($sent(Settings::ADDRESS), '/');
            $settings = new Settings($sent(Settings::CLIENT_ID), $address, $sent(Settings::NOTE_TYPE));
            $problems = $settings->problems() + ($settings->noteTypeExists() ? [] : [
                Settings::NOTE_TYPE => 'This is not an active entry of the list Clinical Note Type.',
            ]);
            $said = '<p role="status">' . xlt($problems ? 'Nothing was saved.' : 'Saved.') . '</p>';
            if (!$problems) {
                $settings->save();
            }
        }
        return self::page($said . '<form method="post">' . self::hidden('csrf_token', self::token())
            . self::field(Settings::CLIENT_ID, xlt('Client id'), $settings->clientId, $problems)
            . self::field(Settings::ADDRESS, xlt("Chartside's address"), $settings->address, $problems)
            . self::field(Settings::NOTE_TYPE, xlt('Note type'), $settings->noteType, $problems)
            . '<button class="btn btn-primary">' . xlt('Save') . '</button></form>');
    }

    /** What the pop-up's script asks each half minute: how many summaries became ready for the signed-in user. */
    public static function ready(array $posted): string
    {
        if (!CsrfUtils::verifyCsrfToken((string)($posted['csrf_token'] ?? ''), session: self::session())) {
            http_response_code(403);
            return '{"ready":0}';
        }
        return Answer::encoded(['ready' => Notices::takeReady((string)self::session()->get('authUser'))]);
    }

    /** The pop-up in the main frame; it tells of no patient. */
    public static function readyPopUp(): string
    {
        $web = $GLOBALS['webroot'] . Bootstrap::WEB;
        return '<div id="chartside-ready" hidden data-url="' . attr($web . 'notices.php')
            . '" data-token="' . attr(self::token())
            . '" data-text="' . attr(xl('Your session summary is ready for review in Chartside.')) . '"></div>'
            . '<script src="' . attr($web . 'ready.js') . '" defer></script>';
    }

    /** The client's card in the portal, while a link is open; consent itself is asked in the app. */
    public static function portalCard(): string
    {
        $link = Notices::link((int)self::session()->get('pid'));
        return !Settings::current()->isBelowAddress($link) ? '' : '<div class="card d-flex mr-1 mb-1">'
            . '<div class="card-body"><h4 class="card-title">' . xlt('Your telehealth session') . '</h4>'
            . '<a class="btn btn-success" target="_blank" rel="noopener noreferrer" href="' . attr($link) . '">'
            . xlt('Join, and choose about recording') . '</a></div></div>';
    }

    private static function session(): object
    {
        return SessionWrapperFactory::getInstance()->getActiveSession();
    }

    private static function token(): string
    {
        return (string)CsrfUtils::collectCsrfToken(session: self::session());
    }

    private static function hidden(string $name, string $value): string
    {
        return '<input type="hidden" name="' . attr($name) . '" value="' . attr($value) . '">';
    }

    private static function field(string $name, string $label, string $value, array $problems): string
    {
        $problem = isset($problems[$name])
            ? '<span role="alert" class="text-danger">' . xlt($problems[$name]) . '</span>' : '';
        return '<p><label>' . $label . '<br><input class="form-control" name="' . attr($name) . '" value="'
            . attr($value) . '"></label> ' . $problem . '</p>';
    }

    private static function page(string $body): string
    {
        return '<!doctype html><html><head><meta charset="utf-8"><title>Chartside</title></head>'
            . '<body class="body_top container"><h1>Chartside</h1>' . $body . '</body></html>';
    }
}
