<?php

// Copyright (c) 2026 the Chartside authors. SPDX-License-Identifier: GPL-3.0-or-later

$v_major = '1';
$v_minor = '0';
$v_patch = '0';
$v_tag = '';
$v_database = 1;
