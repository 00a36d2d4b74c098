-- A site's database as radiolens made it at revision 0002, with a row in every table. Never changed.
BEGIN TRANSACTION;
CREATE TABLE activations (
	id CHAR(32) NOT NULL, 
	task VARCHAR(60) NOT NULL, 
	bundle_name VARCHAR(100) NOT NULL, 
	bundle_version VARCHAR(40) NOT NULL, 
	bundle_sha256 VARCHAR(64) NOT NULL, 
	role VARCHAR(20) NOT NULL, 
	since DATETIME NOT NULL, 
	until DATETIME, 
	"by" CHAR(32) NOT NULL, 
	CONSTRAINT pk_activations PRIMARY KEY (id), 
	CONSTRAINT fk_activations_by_users FOREIGN KEY("by") REFERENCES users (id)
);
INSERT INTO "activations" VALUES('3fd4235992ed4f459a1afe878b33e968','chest-xray','chest-xray','0.3.0','1e6ed65d77d6364eeaed5a745ba5c4985ae2b700dd85d7cf7f027bdf294a33fc','active','2026-11-26 08:00:00.123456',NULL,'5bc8fbbcbde540998164d8399f767c45');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE answers (
	id CHAR(32) NOT NULL, 
	case_id CHAR(32) NOT NULL, 
	user_id CHAR(32) NOT NULL, 
	stage VARCHAR(20) NOT NULL, 
	presence JSON NOT NULL, 
	agreed BOOLEAN, 
	reason TEXT, 
	comment TEXT, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_answers PRIMARY KEY (id), 
	CONSTRAINT fk_answers_case_id_cases FOREIGN KEY(case_id) REFERENCES cases (id), 
	CONSTRAINT fk_answers_user_id_users FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "answers" VALUES('de11cc9dea954c21ae9c82b1478c281d','87b0b125ec1d4da0a6eb8c9ebd69fe29','5bc8fbbcbde540998164d8399f767c45','before','{"pneumonia": "present"}',NULL,NULL,'Consolidation, left base.','2026-11-26 08:00:00.123456');
CREATE TABLE api_tokens (
	id CHAR(32) NOT NULL, 
	user_id CHAR(32) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	prefix VARCHAR(12) NOT NULL, 
	token_sha256 VARCHAR(64) NOT NULL, 
	permissions JSON, 
	created DATETIME NOT NULL, 
	expires DATETIME, 
	last_used DATETIME, 
	revoked DATETIME, 
	CONSTRAINT pk_api_tokens PRIMARY KEY (id), 
	CONSTRAINT fk_api_tokens_user_id_users FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT uq_api_tokens_token_sha256 UNIQUE (token_sha256)
);
INSERT INTO "api_tokens" VALUES('617959ce3f1f45a89e5271007814e8a2','5bc8fbbcbde540998164d8399f767c45','PACS','rl_12345','3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0','["upload"]','2026-11-26 08:00:00.123456',NULL,NULL,NULL);
CREATE TABLE audit_entries (
	number INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	actor_id CHAR(32), 
	actor VARCHAR(200) NOT NULL, 
	action VARCHAR(80) NOT NULL, 
	target VARCHAR(200) NOT NULL, 
	detail JSON NOT NULL, 
	previous_hash VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_audit_entries PRIMARY KEY (number)
);
INSERT INTO "audit_entries" VALUES(1,'2026-11-26 08:00:00.123456','5bc8fbbcbde540998164d8399f767c45','ada','case.upload','upload:d76d4330-f144-4bea-b0c1-1fdecb91ce37','{"files": 1}','0000000000000000000000000000000000000000000000000000000000000000','8fea83ce54391cf70847fdcab325cdb5d0eac57aa99341f81d7a15d6489659d0');
INSERT INTO "audit_entries" VALUES(2,'2026-11-26 08:00:00.123456','5bc8fbbcbde540998164d8399f767c45','ada','case.read','case:87b0b125-ec1d-4da0-a6eb-8c9ebd69fe29','{}','8fea83ce54391cf70847fdcab325cdb5d0eac57aa99341f81d7a15d6489659d0','33e77321f9d4ffc79323aaaafb6eed5602ae383e35a4aaf3dd6a242e197ed98b');
INSERT INTO "audit_entries" VALUES(3,'2026-11-26 08:00:00.123456',NULL,'radiolens','case.score','case:87b0b125-ec1d-4da0-a6eb-8c9ebd69fe29','{"share": 0.30000000000000004, "word": "\u00e4"}','33e77321f9d4ffc79323aaaafb6eed5602ae383e35a4aaf3dd6a242e197ed98b','107f942751b75ad146bf3b9ff2930e15d5fce48037331c598b49ff7acc3308ed');
CREATE TABLE audit_head (
	id INTEGER NOT NULL, 
	number BIGINT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_audit_head PRIMARY KEY (id)
);
INSERT INTO "audit_head" VALUES(1,3,'107f942751b75ad146bf3b9ff2930e15d5fce48037331c598b49ff7acc3308ed');
CREATE TABLE cases (
	id CHAR(32) NOT NULL, 
	upload_id CHAR(32), 
	task VARCHAR(60) NOT NULL, 
	patient_group VARCHAR(64), 
	blinded BOOLEAN NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	created DATETIME NOT NULL, 
	created_by CHAR(32) NOT NULL, 
	decision VARCHAR(40), 
	urgency DOUBLE, 
	changed DATETIME NOT NULL, 
	closed DATETIME, 
	closed_by CHAR(32), 
	erase_after DATETIME, 
	erased DATETIME, 
	CONSTRAINT pk_cases PRIMARY KEY (id), 
	CONSTRAINT fk_cases_closed_by_users FOREIGN KEY(closed_by) REFERENCES users (id), 
	CONSTRAINT fk_cases_created_by_users FOREIGN KEY(created_by) REFERENCES users (id), 
	CONSTRAINT fk_cases_upload_id_uploads FOREIGN KEY(upload_id) REFERENCES uploads (id)
);
INSERT INTO "cases" VALUES('87b0b125ec1d4da0a6eb8c9ebd69fe29','d76d4330f1444beab0c11fdecb91ce37','auto','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',1,'open','2026-11-26 08:00:00.123456','5bc8fbbcbde540998164d8399f767c45','present',0.75,'2026-11-26 08:00:00.123456',NULL,NULL,'2026-11-27 08:00:00.123456',NULL);
CREATE TABLE diagnoses (
	id CHAR(32) NOT NULL, 
	case_id CHAR(32) NOT NULL, 
	presence JSON NOT NULL, 
	test VARCHAR(60) NOT NULL, 
	user_id CHAR(32) NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_diagnoses PRIMARY KEY (id), 
	CONSTRAINT fk_diagnoses_case_id_cases FOREIGN KEY(case_id) REFERENCES cases (id), 
	CONSTRAINT fk_diagnoses_user_id_users FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "diagnoses" VALUES('c30d8b7628db425ea3b229f1c4069545','87b0b125ec1d4da0a6eb8c9ebd69fe29','{"tuberculosis": "absent"}','xpert','5bc8fbbcbde540998164d8399f767c45','2026-11-26 08:00:00.123456');
CREATE TABLE images (
	id CHAR(32) NOT NULL, 
	case_id CHAR(32) NOT NULL, 
	position INTEGER NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	attempts INTEGER NOT NULL, 
	lease_owner VARCHAR(100), 
	lease_until DATETIME, 
	size_bytes BIGINT NOT NULL, 
	files INTEGER NOT NULL, 
	store_name VARCHAR(100), 
	map_name VARCHAR(100), 
	problem JSON, 
	created DATETIME NOT NULL, 
	changed DATETIME NOT NULL, 
	finished DATETIME, 
	erased DATETIME, facts JSON, 
	CONSTRAINT pk_images PRIMARY KEY (id), 
	CONSTRAINT fk_images_case_id_cases FOREIGN KEY(case_id) REFERENCES cases (id)
);
INSERT INTO "images" VALUES('c6a5387777334bdb97210dff076ce2ef','87b0b125ec1d4da0a6eb8c9ebd69fe29',0,'file','answered',1,NULL,NULL,5000000000,1,'a1b2',NULL,NULL,'2026-11-26 08:00:00.123456','2026-11-26 08:00:00.123456','2026-11-26 08:00:00.123456',NULL,'{"age_years": 41.0, "slice_indices": [0], "slice_count": 1, "format": "dicom", "modality": "DX", "view": "PA", "warnings": [], "map_slice": 0}');
CREATE TABLE kept_images (
	id CHAR(32) NOT NULL, 
	image_id CHAR(32) NOT NULL, 
	store_name VARCHAR(100) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	header JSON NOT NULL, 
	created DATETIME NOT NULL, 
	erase_after DATETIME NOT NULL, 
	erased DATETIME, 
	CONSTRAINT pk_kept_images PRIMARY KEY (id), 
	CONSTRAINT fk_kept_images_image_id_images FOREIGN KEY(image_id) REFERENCES images (id)
);
INSERT INTO "kept_images" VALUES('9e30691c238642ea926a1e48cc11d357','c6a5387777334bdb97210dff076ce2ef','c3d4',12,'{"Modality": "DX"}','2026-11-26 08:00:00.123456','2026-11-26 08:00:00.123456',NULL);
CREATE TABLE login_failures (
	name_sha256 VARCHAR(64) NOT NULL, 
	failures INTEGER NOT NULL, 
	last DATETIME NOT NULL, 
	locked_until DATETIME, 
	CONSTRAINT pk_login_failures PRIMARY KEY (name_sha256)
);
INSERT INTO "login_failures" VALUES('abababababababababababababababababababababababababababababababab',3,'2026-11-26 08:00:00.000000',NULL);
CREATE TABLE login_sessions (
	id CHAR(32) NOT NULL, 
	user_id CHAR(32) NOT NULL, 
	token_sha256 VARCHAR(64) NOT NULL, 
	csrf_token VARCHAR(100) NOT NULL, 
	created DATETIME NOT NULL, 
	last_seen DATETIME NOT NULL, 
	expires DATETIME NOT NULL, 
	CONSTRAINT pk_login_sessions PRIMARY KEY (id), 
	CONSTRAINT fk_login_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT uq_login_sessions_token_sha256 UNIQUE (token_sha256)
);
INSERT INTO "login_sessions" VALUES('5f2dd97f1cfb40f6a827688de6a16a3b','5bc8fbbcbde540998164d8399f767c45','d7e83e28a04b537e64424546b14caf9b67bad2f28dabce68116e0d372319fa00','x','2026-11-26 08:00:00.123456','2026-11-26 08:00:00.123456','2026-11-26 08:00:00.123456');
CREATE TABLE predictions (
	id CHAR(32) NOT NULL, 
	image_id CHAR(32) NOT NULL, 
	bundle_name VARCHAR(100) NOT NULL, 
	bundle_version VARCHAR(40) NOT NULL, 
	bundle_sha256 VARCHAR(64) NOT NULL, 
	profile_id CHAR(32), 
	record JSON NOT NULL, 
	shadow BOOLEAN NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_predictions PRIMARY KEY (id), 
	CONSTRAINT fk_predictions_image_id_images FOREIGN KEY(image_id) REFERENCES images (id), 
	CONSTRAINT fk_predictions_profile_id_profiles FOREIGN KEY(profile_id) REFERENCES profiles (id), 
	CONSTRAINT uq_predictions_image_id_bundle_sha256_shadow UNIQUE (image_id, bundle_sha256, shadow)
);
INSERT INTO "predictions" VALUES('687c966c377b4aa2bb2edb20035b7399','c6a5387777334bdb97210dff076ce2ef','chest-xray','0.3.0','1e6ed65d77d6364eeaed5a745ba5c4985ae2b700dd85d7cf7f027bdf294a33fc','0d464138a6234255bfc1ea36f17fd374','{"status": "answered", "findings": [{"label": "pneumonia", "probability": 0.30000000000000004}]}',0,'2026-11-26 08:00:00.123456');
CREATE TABLE profiles (
	id CHAR(32) NOT NULL, 
	site VARCHAR(200) NOT NULL, 
	bundle_name VARCHAR(100) NOT NULL, 
	bundle_version VARCHAR(40) NOT NULL, 
	bundle_sha256 VARCHAR(64) NOT NULL, 
	thresholds JSON NOT NULL, 
	evidence TEXT NOT NULL, 
	rules JSON NOT NULL, 
	"plan" JSON NOT NULL, 
	active BOOLEAN NOT NULL, 
	created DATETIME NOT NULL, 
	created_by CHAR(32) NOT NULL, 
	disabled DATETIME, 
	disabled_reason TEXT, 
	CONSTRAINT pk_profiles PRIMARY KEY (id), 
	CONSTRAINT fk_profiles_created_by_users FOREIGN KEY(created_by) REFERENCES users (id)
);
INSERT INTO "profiles" VALUES('0d464138a6234255bfc1ea36f17fd374','Clinic','chest-xray','0.3.0','1e6ed65d77d6364eeaed5a745ba5c4985ae2b700dd85d7cf7f027bdf294a33fc','{"pneumonia": 0.4}','50 cases','{"pneumonia": "--youden"}','{"auroc": null}',1,'2026-11-26 08:00:00.123456','5bc8fbbcbde540998164d8399f767c45',NULL,NULL);
CREATE TABLE site_settings (
	"key" VARCHAR(60) NOT NULL, 
	value JSON NOT NULL, 
	changed DATETIME NOT NULL, 
	changed_by CHAR(32) NOT NULL, 
	CONSTRAINT pk_site_settings PRIMARY KEY ("key"), 
	CONSTRAINT fk_site_settings_changed_by_users FOREIGN KEY(changed_by) REFERENCES users (id)
);
INSERT INTO "site_settings" VALUES('second_reader','true','2026-11-26 08:00:00.123456','5bc8fbbcbde540998164d8399f767c45');
CREATE TABLE uploads (
	id CHAR(32) NOT NULL, 
	created DATETIME NOT NULL, 
	created_by CHAR(32) NOT NULL, 
	task VARCHAR(60) NOT NULL, 
	files INTEGER NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	CONSTRAINT pk_uploads PRIMARY KEY (id), 
	CONSTRAINT fk_uploads_created_by_users FOREIGN KEY(created_by) REFERENCES users (id)
);
INSERT INTO "uploads" VALUES('d76d4330f1444beab0c11fdecb91ce37','2026-11-26 08:00:00.123456','5bc8fbbcbde540998164d8399f767c45','auto',1,5000000000);
CREATE TABLE users (
	id CHAR(32) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	display_name VARCHAR(200) NOT NULL, 
	roles JSON NOT NULL, 
	password_hash VARCHAR(300), 
	oidc_issuer VARCHAR(300), 
	oidc_subject VARCHAR(300), 
	active BOOLEAN NOT NULL, 
	must_change_password BOOLEAN NOT NULL, 
	language VARCHAR(20), 
	theme VARCHAR(20), 
	created DATETIME NOT NULL, 
	password_changed DATETIME, 
	last_login DATETIME, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_name UNIQUE (name), 
	CONSTRAINT uq_users_oidc_issuer_oidc_subject UNIQUE (oidc_issuer, oidc_subject)
);
INSERT INTO "users" VALUES('00000000000000000000000000000000','local','','[]',NULL,NULL,NULL,0,0,NULL,NULL,'2026-11-26 08:00:00.123456',NULL,NULL);
INSERT INTO "users" VALUES('5bc8fbbcbde540998164d8399f767c45','ada','Ada Ä.','["clinician", "administrator"]','$argon2id$...',NULL,NULL,1,0,NULL,NULL,'2026-11-26 08:00:00.123456',NULL,NULL);
CREATE INDEX ix_login_sessions_user_id ON login_sessions (user_id);
CREATE INDEX ix_api_tokens_user_id ON api_tokens (user_id);
CREATE INDEX ix_audit_entries_action ON audit_entries (action);
CREATE INDEX ix_audit_entries_actor_id ON audit_entries (actor_id);
CREATE INDEX ix_audit_entries_at ON audit_entries (at);
CREATE INDEX ix_audit_entries_target ON audit_entries (target);
CREATE INDEX ix_profiles_bundle_sha256 ON profiles (bundle_sha256);
CREATE INDEX ix_activations_task ON activations (task);
CREATE INDEX ix_cases_changed ON cases (changed);
CREATE INDEX ix_cases_erase_after ON cases (erase_after);
CREATE INDEX ix_cases_patient_group ON cases (patient_group);
CREATE INDEX ix_cases_state_created ON cases (state, created);
CREATE INDEX ix_cases_upload_id ON cases (upload_id);
CREATE INDEX ix_images_case_id ON images (case_id);
CREATE INDEX ix_images_changed ON images (changed);
CREATE INDEX ix_images_state_created ON images (state, created);
CREATE INDEX ix_images_state_lease_until ON images (state, lease_until);
CREATE INDEX ix_answers_case_id ON answers (case_id);
CREATE INDEX ix_answers_user_id ON answers (user_id);
CREATE INDEX ix_diagnoses_case_id ON diagnoses (case_id);
CREATE INDEX ix_kept_images_erase_after ON kept_images (erase_after);
CREATE INDEX ix_kept_images_image_id ON kept_images (image_id);
CREATE INDEX ix_login_failures_last ON login_failures (last);
CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries BEGIN SELECT RAISE(ABORT, 'audit entries are never changed or deleted'); END;
CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries BEGIN SELECT RAISE(ABORT, 'audit entries are never changed or deleted'); END;
COMMIT;
