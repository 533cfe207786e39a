<?php

/**
 * @package   OpenEMR
 * @copyright Copyright (c) 2026 the Chartside authors
 * @license   https://www.gnu.org/licenses/gpl-3.0.html GPL-3.0-or-later
 */

$v_major = '1';
$v_minor = '0';
$v_patch = '0';
$v_tag = '';
$v_database = 1;
