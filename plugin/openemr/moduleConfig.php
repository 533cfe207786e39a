<?php

/**
 * @package   OpenEMR
 * @copyright Copyright (c) 2026 the Chartside authors
 * @license   https://www.gnu.org/licenses/gpl-3.0.html GPL-3.0-or-later
 */

header('Location: public/settings.php');
