-- Chartside's own tables. May run any number of times.

#IfNotTable chartside_resource
CREATE TABLE `chartside_resource` (
  `uuid` char(36) NOT NULL COMMENT 'FHIR id',
  `kind` varchar(20) NOT NULL COMMENT 'Consent, Media or DocumentReference',
  `identifier_system` varchar(190) NOT NULL COMMENT 'first identifier, the exactly-once key',
  `identifier_value` varchar(80) NOT NULL COMMENT 'also form_clinical_notes.external_id of a note',
  `pid` bigint(20) NOT NULL COMMENT 'patient_data.pid',
  `version` int(11) NOT NULL DEFAULT 1 COMMENT 'ETag and meta.versionId',
  `updated` datetime NOT NULL COMMENT 'UTC',
  `user` varchar(255) NOT NULL COMMENT 'who wrote this version',
  `body` mediumtext NOT NULL COMMENT 'FHIR R4 as JSON; no sound, no text of a session or note',
  `note_id` bigint(20) DEFAULT NULL COMMENT 'form_clinical_notes.id of a note',
  `text_sha256` char(64) NOT NULL COMMENT 'of a note text as filed, to notice changes made in OpenEMR',
  `changed_in_ehr` tinyint(1) NOT NULL DEFAULT 0 COMMENT '1 after such a change, until the next PUT',
  PRIMARY KEY (`uuid`),
  UNIQUE KEY `exactly_once` (`kind`, `identifier_system`, `identifier_value`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
#EndIf

#IfNotTable chartside_notice
CREATE TABLE `chartside_notice` (
  `kind` varchar(20) NOT NULL COMMENT 'ready or joinLink',
  `notice_key` varchar(80) NOT NULL COMMENT 'given by Chartside, the exactly-once key',
  `user` varchar(255) NOT NULL COMMENT 'who is told (ready), who sent it (joinLink)',
  `pid` bigint(20) NOT NULL DEFAULT 0 COMMENT 'patient_data.pid of a joinLink',
  `url` text NOT NULL COMMENT 'address of a joinLink below Chartside',
  `expires` datetime NOT NULL COMMENT 'UTC',
  `shown` tinyint(1) NOT NULL DEFAULT 0 COMMENT '1 once the pop-up was given out',
  PRIMARY KEY (`kind`, `notice_key`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
#EndIf

INSERT IGNORE INTO `list_options` (`list_id`, `option_id`, `title`, `seq`, `notes`, `activity`) VALUES
  ('Clinical_Note_Type', 'chartside_behavioral', 'Behavioral Health Progress Note', 900, 'LOINC:34904-3', 1);
