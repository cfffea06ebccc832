BEGIN TRANSACTION;
CREATE TABLE checkpoints (
	number INTEGER NOT NULL, 
	created_at TEXT NOT NULL, 
	facts INTEGER NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (number)
);
CREATE TABLE dead_letters (
	stream VARCHAR NOT NULL, 
	envelope_id VARCHAR NOT NULL, 
	source TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	payload_type TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	refused_at TEXT NOT NULL, 
	PRIMARY KEY (stream, envelope_id)
);
CREATE TABLE directives (
	directive_id VARCHAR NOT NULL, 
	stream TEXT NOT NULL, 
	title TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	risk TEXT NOT NULL, 
	repository TEXT, 
	state TEXT NOT NULL, 
	outcome TEXT, 
	reason TEXT NOT NULL, 
	branch TEXT, 
	"commit" TEXT, 
	base TEXT, 
	accepted_at TEXT NOT NULL, 
	finished_at TEXT, 
	PRIMARY KEY (directive_id)
);
INSERT INTO "directives" VALUES('fix-docs','root','Fix the docs','user','low',NULL,'finished','completed','','vsm/fix-docs','cccccccccccccccccccccccccccccccccccccccc',NULL,'2026-01-02T03:04:06.678901Z','2026-01-02T03:04:10.678901Z');
CREATE TABLE executions (
	task_id VARCHAR NOT NULL, 
	execution_id VARCHAR NOT NULL, 
	stream TEXT NOT NULL, 
	directive_id TEXT NOT NULL, 
	node TEXT NOT NULL, 
	attempt INTEGER, 
	outcome TEXT NOT NULL, 
	failure_class TEXT, 
	late INTEGER NOT NULL, 
	input_tokens INTEGER NOT NULL, 
	output_tokens INTEGER NOT NULL, 
	tool_calls INTEGER NOT NULL, 
	money TEXT, 
	currency TEXT, 
	worker_seconds FLOAT NOT NULL, 
	model_served TEXT, 
	ended_at TEXT NOT NULL, 
	PRIMARY KEY (task_id, execution_id)
);
INSERT INTO "executions" VALUES('task_part','execution_task_part','team','fix-docs','coder',1,'completed',NULL,0,100,1,2,'0.25','USD',1.5,NULL,'2026-01-02T03:04:08.678901Z');
INSERT INTO "executions" VALUES('task_check','execution_task_check','team','fix-docs','tester',1,'completed',NULL,0,10,1,2,'0.25','USD',1.5,NULL,'2026-01-02T03:04:09.678901Z');
INSERT INTO "executions" VALUES('task_whole','execution_task_whole','root','fix-docs','team',1,'completed',NULL,0,110,1,2,'0.25','USD',1.5,NULL,'2026-01-02T03:04:10.678901Z');
CREATE TABLE facts (
	organization TEXT NOT NULL, 
	sequence INTEGER NOT NULL, 
	stream TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	schema_version INTEGER NOT NULL, 
	occurred_at TEXT NOT NULL, 
	genome_id TEXT NOT NULL, 
	task_id TEXT, 
	directive_id TEXT, 
	suggestion_id TEXT, 
	correlation_id TEXT NOT NULL, 
	causation_id TEXT NOT NULL, 
	body TEXT NOT NULL, 
	previous_hash TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (sequence), 
	CONSTRAINT facts_version UNIQUE (stream, version)
);
INSERT INTO "facts" VALUES('demo',1,'root',1,'fact_root_1','DirectiveAccepted',1,'2026-01-02T03:04:06.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL,'fix-docs',NULL,'fix-docs','env_asked','{"directive":{"acceptance":[],"body":"","budget":{},"constraints":[],"desired_state":"","id":"fix-docs","labels":{},"needs":{"integration":true,"review":true,"tests":true},"options":{"rules":[]},"origin":"user","payload_type":"directive","priority":"normal","risk":"low","title":"Fix the docs"},"directive_id":"fix-docs","kind":"DirectiveAccepted"}','0000000000000000000000000000000000000000000000000000000000000000','9098a32ff57ea4e96a9e4dd8e9799f859b88f89afde73cc95894a9789dd020fd');
INSERT INTO "facts" VALUES('demo',2,'root',2,'fact_root_2','TaskPlanned',1,'2026-01-02T03:04:06.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_whole','fix-docs',NULL,'fix-docs','env_asked','{"combination":false,"directive_id":"fix-docs","kind":"TaskPlanned","mandate_id":"fix-docs","packet":{"acceptance":[],"authority_refs":[],"budget":{},"cancel_epoch":0,"constraints":[],"context_refs":[],"dependencies":[],"directive_id":"fix-docs","goal":"","id":"task_whole","needs":{"integration":true,"review":true,"tests":true},"non_negotiable":false,"options":{"rules":[]},"payload_type":"task_packet","predicates":{"auth":false,"config":false,"database":false,"dependencies":[],"domain_markers":[],"estimated_blast_radius":0,"languages":[],"likely_files":[],"migration":false,"modules":[],"public_api":false,"security_sensitive":false,"tags":[],"task_classes":[],"test_targets":[]},"required_capabilities":[],"risk":"low","role":"implement","scope":["."],"target_state":"","title":"do task_whole"},"task_id":"task_whole"}','9098a32ff57ea4e96a9e4dd8e9799f859b88f89afde73cc95894a9789dd020fd','896b42cf536995f436ba5858b2bb3731879e35c3e4d72c10a08b7eb29d4cbe25');
INSERT INTO "facts" VALUES('demo',3,'root',3,'fact_root_3','TaskPlanned',1,'2026-01-02T03:04:06.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_other','fix-docs',NULL,'fix-docs','env_asked','{"combination":false,"directive_id":"fix-docs","kind":"TaskPlanned","mandate_id":"fix-docs","packet":{"acceptance":[],"authority_refs":[],"budget":{},"cancel_epoch":0,"constraints":[],"context_refs":[],"dependencies":[],"directive_id":"fix-docs","goal":"","id":"task_other","needs":{"integration":true,"review":true,"tests":true},"non_negotiable":false,"options":{"rules":[]},"payload_type":"task_packet","predicates":{"auth":false,"config":false,"database":false,"dependencies":[],"domain_markers":[],"estimated_blast_radius":0,"languages":[],"likely_files":[],"migration":false,"modules":[],"public_api":false,"security_sensitive":false,"tags":[],"task_classes":[],"test_targets":[]},"required_capabilities":[],"risk":"low","role":"implement","scope":["."],"target_state":"","title":"do task_other"},"task_id":"task_other"}','896b42cf536995f436ba5858b2bb3731879e35c3e4d72c10a08b7eb29d4cbe25','9b221b250d6a60e6544039013d5dced8c8ae9da5c5c6e9febcba0792214f9b1a');
INSERT INTO "facts" VALUES('demo',4,'root',4,'fact_root_4','TaskAssigned',1,'2026-01-02T03:04:06.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_whole','fix-docs',NULL,'fix-docs','env_asked','{"admit_by":"2026-01-02T03:04:05.678901Z","arm":"champion","assigned_at":"2026-01-02T03:04:05.678901Z","attempt":1,"child":"team","directive_id":"fix-docs","fencing_token":1,"genome_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","kind":"TaskAssigned","leased_paths":[],"propensity":1.0,"reason":"it is free","rejected_children":[],"task_id":"task_whole"}','9b221b250d6a60e6544039013d5dced8c8ae9da5c5c6e9febcba0792214f9b1a','c95f1165434311938bd2744f0b7bbcab94fc799999c87f30c6f1e519da588919');
INSERT INTO "facts" VALUES('demo',5,'team',1,'fact_team_1','TaskAdmitted',1,'2026-01-02T03:04:07.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_whole','fix-docs',NULL,'fix-docs','env_to_team','{"attempt":1,"directive_id":"fix-docs","execution_id":"execution_task_whole","fencing_token":1,"kind":"TaskAdmitted","node":"team","packet":{"acceptance":[],"authority_refs":[],"budget":{},"cancel_epoch":0,"constraints":[],"context_refs":[],"dependencies":[],"directive_id":"fix-docs","goal":"","id":"task_whole","needs":{"integration":true,"review":true,"tests":true},"non_negotiable":false,"options":{"rules":[]},"payload_type":"task_packet","predicates":{"auth":false,"config":false,"database":false,"dependencies":[],"domain_markers":[],"estimated_blast_radius":0,"languages":[],"likely_files":[],"migration":false,"modules":[],"public_api":false,"security_sensitive":false,"tags":[],"task_classes":[],"test_targets":[]},"required_capabilities":[],"risk":"low","role":"implement","scope":["."],"target_state":"","title":"do task_whole"},"process":"process-1","task_id":"task_whole"}','0000000000000000000000000000000000000000000000000000000000000000','09c545af7aa009d412a1e79d68ea1c574c96b350365e251201dc8868052401b0');
INSERT INTO "facts" VALUES('demo',6,'team',2,'fact_team_2','TaskPlanned',1,'2026-01-02T03:04:07.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_part','fix-docs',NULL,'fix-docs','env_to_team','{"combination":false,"directive_id":"fix-docs","kind":"TaskPlanned","mandate_id":"task_whole","packet":{"acceptance":[],"authority_refs":[],"budget":{},"cancel_epoch":0,"constraints":[],"context_refs":[],"dependencies":[],"directive_id":"fix-docs","goal":"","id":"task_part","needs":{"integration":true,"review":true,"tests":true},"non_negotiable":false,"options":{"rules":[]},"parent_task_id":"task_whole","payload_type":"task_packet","predicates":{"auth":false,"config":false,"database":false,"dependencies":[],"domain_markers":[],"estimated_blast_radius":0,"languages":[],"likely_files":[],"migration":false,"modules":[],"public_api":false,"security_sensitive":false,"tags":[],"task_classes":[],"test_targets":[]},"required_capabilities":[],"risk":"low","role":"implement","scope":["."],"target_state":"","title":"do task_part"},"task_id":"task_part"}','09c545af7aa009d412a1e79d68ea1c574c96b350365e251201dc8868052401b0','398d33367e61c43a1465e776daa8053c796d3f4e9c1197492c7e14c9d07165d4');
INSERT INTO "facts" VALUES('demo',7,'team',3,'fact_team_3','TaskAssigned',1,'2026-01-02T03:04:07.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_part','fix-docs',NULL,'fix-docs','env_to_team','{"admit_by":"2026-01-02T03:04:05.678901Z","arm":"champion","assigned_at":"2026-01-02T03:04:05.678901Z","attempt":1,"child":"coder","directive_id":"fix-docs","fencing_token":1,"genome_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","kind":"TaskAssigned","leased_paths":[],"propensity":1.0,"reason":"it is free","rejected_children":[],"task_id":"task_part"}','398d33367e61c43a1465e776daa8053c796d3f4e9c1197492c7e14c9d07165d4','b2864fcbd29ad89bf76144df14d0c3d38b4953a83245e68104bc5b5f460eafe3');
INSERT INTO "facts" VALUES('demo',8,'team',4,'fact_team_4','TaskFinished',1,'2026-01-02T03:04:08.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_part','fix-docs',NULL,'fix-docs','env_from_coder','{"directive_id":"fix-docs","kind":"TaskFinished","result":{"artifacts":[],"attempt":1,"commit":"cccccccccccccccccccccccccccccccccccccccc","diff":{"files_changed":0,"lines_added":0,"lines_deleted":0},"evidence":[{"argv":["pytest","-q"],"criterion":"tests","duration_seconds":0.0,"exit_code":0,"isolation":"none","output_tail":"","summary":"12 passed","where":"result"}],"execution_id":"execution_task_part","fencing_token":1,"files_touched":["docs/a.md","docs/ü.md"],"isolation":"none","narration":"","outcome":"completed","payload_type":"task_result","produced_by":"coder","reason":"","summary":"","task_id":"task_part","usage":{"input_tokens":100,"money":{"amount":"0.25","currency":"USD"},"output_tokens":1,"tool_calls":2,"worker_seconds":1.5},"verified":false,"worker_facts":[]},"task_id":"task_part"}','b2864fcbd29ad89bf76144df14d0c3d38b4953a83245e68104bc5b5f460eafe3','31e82f40b9918e0c8444d92330ae345242e29352282a8dc79565968da039d084');
INSERT INTO "facts" VALUES('demo',9,'team',5,'fact_team_5','TaskTraced',1,'2026-01-02T03:04:08.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_part','fix-docs',NULL,'fix-docs','env_from_coder','{"directive_id":"fix-docs","kind":"TaskTraced","task_id":"task_part","trace":{"adjustments":[],"ancestors":["team","root"],"arm":"champion","attempt":1,"channels":{"algedonic":0,"audit":0,"command":0,"coordination":0,"management_to_operation":0,"operation_to_operation":0,"resource_bargaining":0},"diff":{"files_changed":0,"lines_added":0,"lines_deleted":0},"directive_id":"fix-docs","genome_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","latency_seconds":0.0,"node":"coder","outcome":"completed","role":"implement","task_id":"task_part","usage":{"input_tokens":0,"output_tokens":0,"tool_calls":0,"worker_seconds":0.0}}}','31e82f40b9918e0c8444d92330ae345242e29352282a8dc79565968da039d084','e1b94e34828f5cf9660ed67ae49a3edcaf13e13bf782b0746eb23640537f9213');
INSERT INTO "facts" VALUES('demo',10,'team',6,'fact_team_6','TaskPlanned',1,'2026-01-02T03:04:08.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_check','fix-docs',NULL,'fix-docs','env_from_coder','{"combination":false,"directive_id":"fix-docs","kind":"TaskPlanned","mandate_id":"task_whole","packet":{"acceptance":[],"authority_refs":[],"budget":{},"cancel_epoch":0,"constraints":[],"context_refs":[],"dependencies":["task_part"],"directive_id":"fix-docs","goal":"","id":"task_check","needs":{"integration":true,"review":true,"tests":true},"non_negotiable":false,"options":{"rules":[]},"parent_task_id":"task_whole","payload_type":"task_packet","predicates":{"auth":false,"config":false,"database":false,"dependencies":[],"domain_markers":[],"estimated_blast_radius":0,"languages":[],"likely_files":[],"migration":false,"modules":[],"public_api":false,"security_sensitive":false,"tags":[],"task_classes":[],"test_targets":[]},"required_capabilities":[],"risk":"low","role":"test","scope":["."],"target_state":"","title":"do task_check"},"task_id":"task_check","verifies":"task_part"}','e1b94e34828f5cf9660ed67ae49a3edcaf13e13bf782b0746eb23640537f9213','b1248b387ff2082c3d02948f9562b4eb43e1ad0b67e9595674a0486543833f08');
INSERT INTO "facts" VALUES('demo',11,'team',7,'fact_team_7','TaskAssigned',1,'2026-01-02T03:04:08.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_check','fix-docs',NULL,'fix-docs','env_from_coder','{"admit_by":"2026-01-02T03:04:05.678901Z","arm":"champion","assigned_at":"2026-01-02T03:04:05.678901Z","attempt":1,"child":"tester","directive_id":"fix-docs","fencing_token":1,"genome_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","kind":"TaskAssigned","leased_paths":[],"propensity":1.0,"reason":"it is free","rejected_children":[],"task_id":"task_check"}','b1248b387ff2082c3d02948f9562b4eb43e1ad0b67e9595674a0486543833f08','4a5c5abe7ed7ac50481ef05bd970bd8158d9c4fdb80e5c83966b2d92fd5d31bf');
INSERT INTO "facts" VALUES('demo',12,'team',8,'fact_team_8','TaskFinished',1,'2026-01-02T03:04:09.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_check','fix-docs',NULL,'fix-docs','env_from_tester','{"directive_id":"fix-docs","kind":"TaskFinished","result":{"artifacts":[],"attempt":1,"commit":"cccccccccccccccccccccccccccccccccccccccc","diff":{"files_changed":0,"lines_added":0,"lines_deleted":0},"evidence":[],"execution_id":"execution_task_check","fencing_token":1,"files_touched":["docs/a.md","docs/ü.md"],"isolation":"none","narration":"","outcome":"completed","payload_type":"task_result","produced_by":"tester","reason":"","summary":"","task_id":"task_check","usage":{"input_tokens":10,"money":{"amount":"0.25","currency":"USD"},"output_tokens":1,"tool_calls":2,"worker_seconds":1.5},"verified":false,"worker_facts":[]},"task_id":"task_check"}','4a5c5abe7ed7ac50481ef05bd970bd8158d9c4fdb80e5c83966b2d92fd5d31bf','741ec7d3b383602e8afe2fe68e46ec45cb5f0ab4a90d98ceb672d0f397c86c98');
INSERT INTO "facts" VALUES('demo',13,'team',9,'fact_team_9','TaskConcluded',1,'2026-01-02T03:04:09.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_check','fix-docs',NULL,'fix-docs','env_from_tester','{"directive_id":"fix-docs","kind":"TaskConcluded","outcome":"completed","reason":"","task_id":"task_check"}','741ec7d3b383602e8afe2fe68e46ec45cb5f0ab4a90d98ceb672d0f397c86c98','8b82cc7e6e6c95dabed3e0a19aced84b2bacd68b8e644b94535119bf51eccd1d');
INSERT INTO "facts" VALUES('demo',14,'team',10,'fact_team_10','TaskVerified',1,'2026-01-02T03:04:09.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_part','fix-docs',NULL,'fix-docs','env_from_tester','{"directive_id":"fix-docs","evidence":[{"argv":["pytest","-q"],"criterion":"tests","duration_seconds":0.0,"exit_code":0,"isolation":"none","output_tail":"","summary":"12 passed","where":"result"}],"kind":"TaskVerified","task_id":"task_part","verifier_node":"tester","verifier_task_id":"task_check"}','8b82cc7e6e6c95dabed3e0a19aced84b2bacd68b8e644b94535119bf51eccd1d','84d33eb4220de47b3ba1002de8d0aeb1b4997b505597e1465de351da1b8be51e');
INSERT INTO "facts" VALUES('demo',15,'team',11,'fact_team_11','TaskIntegrated',1,'2026-01-02T03:04:09.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_part','fix-docs',NULL,'fix-docs','env_from_tester','{"directive_id":"fix-docs","kind":"TaskIntegrated","task_id":"task_part","tip":"cccccccccccccccccccccccccccccccccccccccc","verified":true}','84d33eb4220de47b3ba1002de8d0aeb1b4997b505597e1465de351da1b8be51e','e399fb3044c2544402afc899be900bae859e76e9bb90dd507588c16651635a88');
INSERT INTO "facts" VALUES('demo',16,'team',12,'fact_team_12','TaskConcluded',1,'2026-01-02T03:04:09.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_part','fix-docs',NULL,'fix-docs','env_from_tester','{"directive_id":"fix-docs","kind":"TaskConcluded","outcome":"completed","reason":"","task_id":"task_part"}','e399fb3044c2544402afc899be900bae859e76e9bb90dd507588c16651635a88','52c4b9633d0d4917616692a67b2620dda9a84607996d2326ed2407dd40e6aa0e');
INSERT INTO "facts" VALUES('demo',17,'team',13,'fact_team_13','TaskFinished',1,'2026-01-02T03:04:09.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_whole','fix-docs',NULL,'fix-docs','env_from_tester','{"directive_id":"fix-docs","kind":"TaskFinished","result":{"artifacts":[],"attempt":1,"commit":"cccccccccccccccccccccccccccccccccccccccc","diff":{"files_changed":0,"lines_added":0,"lines_deleted":0},"evidence":[],"execution_id":"execution_task_whole","fencing_token":1,"files_touched":["docs/a.md","docs/ü.md"],"isolation":"none","narration":"","outcome":"completed","payload_type":"task_result","produced_by":"team","reason":"","summary":"","task_id":"task_whole","usage":{"input_tokens":110,"money":{"amount":"0.25","currency":"USD"},"output_tokens":1,"tool_calls":2,"worker_seconds":1.5},"verified":false,"worker_facts":[]},"task_id":"task_whole"}','52c4b9633d0d4917616692a67b2620dda9a84607996d2326ed2407dd40e6aa0e','3414e4f3ea2ca887643c3cb212383cd6467c8f484d0c5ce8d7ff293c2a2c4062');
INSERT INTO "facts" VALUES('demo',18,'root',5,'fact_root_5','TaskFinished',1,'2026-01-02T03:04:10.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_whole','fix-docs',NULL,'fix-docs','env_up','{"directive_id":"fix-docs","kind":"TaskFinished","result":{"artifacts":[],"attempt":1,"commit":"cccccccccccccccccccccccccccccccccccccccc","diff":{"files_changed":0,"lines_added":0,"lines_deleted":0},"evidence":[],"execution_id":"execution_task_whole","fencing_token":1,"files_touched":["docs/a.md","docs/ü.md"],"isolation":"none","narration":"","outcome":"completed","payload_type":"task_result","produced_by":"team","reason":"","summary":"","task_id":"task_whole","usage":{"input_tokens":110,"money":{"amount":"0.25","currency":"USD"},"output_tokens":1,"tool_calls":2,"worker_seconds":1.5},"verified":false,"worker_facts":[]},"task_id":"task_whole"}','c95f1165434311938bd2744f0b7bbcab94fc799999c87f30c6f1e519da588919','1e3dc396f7515aa2c54ec4923d004e065b6c3755430f2f1535b4ad07b0892484');
INSERT INTO "facts" VALUES('demo',19,'root',6,'fact_root_6','TaskIntegrated',1,'2026-01-02T03:04:10.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_whole','fix-docs',NULL,'fix-docs','env_up','{"directive_id":"fix-docs","kind":"TaskIntegrated","task_id":"task_whole","tip":"cccccccccccccccccccccccccccccccccccccccc","verified":true}','1e3dc396f7515aa2c54ec4923d004e065b6c3755430f2f1535b4ad07b0892484','f13bd2c5f6f151cb871224c7f7af22ae0a72d8f50b53783467a029c2790e74fe');
INSERT INTO "facts" VALUES('demo',20,'root',7,'fact_root_7','TaskConcluded',1,'2026-01-02T03:04:10.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_whole','fix-docs',NULL,'fix-docs','env_up','{"directive_id":"fix-docs","kind":"TaskConcluded","outcome":"completed","reason":"","task_id":"task_whole"}','f13bd2c5f6f151cb871224c7f7af22ae0a72d8f50b53783467a029c2790e74fe','71624bd3c3007b9fb63a9068a3bae34fe38d4854a16738eab17f880907b4b31e');
INSERT INTO "facts" VALUES('demo',21,'root',8,'fact_root_8','TaskConcluded',1,'2026-01-02T03:04:10.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','task_other','fix-docs',NULL,'fix-docs','env_up','{"directive_id":"fix-docs","kind":"TaskConcluded","outcome":"no_change","reason":"","task_id":"task_other"}','71624bd3c3007b9fb63a9068a3bae34fe38d4854a16738eab17f880907b4b31e','d5165ef093a9355fc1496f2c9a656ae5665c66f10ecbca36579d7ff330e1a560');
INSERT INTO "facts" VALUES('demo',22,'root',9,'fact_root_9','DirectiveFinished',1,'2026-01-02T03:04:10.678901Z','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL,'fix-docs',NULL,'fix-docs','env_up','{"branch":"vsm/fix-docs","commit":"cccccccccccccccccccccccccccccccccccccccc","directive_id":"fix-docs","kind":"DirectiveFinished","outcome":"completed","reason":""}','d5165ef093a9355fc1496f2c9a656ae5665c66f10ecbca36579d7ff330e1a560','3a3f98370f7ed8b5540dddb987ace15629749884276d2f39ab46b84f0dce0afa');
CREATE TABLE genomes (
	genome_id VARCHAR NOT NULL, 
	stream VARCHAR NOT NULL, 
	adopted_at TEXT NOT NULL, 
	replaces TEXT, 
	PRIMARY KEY (genome_id, stream)
);
CREATE TABLE inbox (
	sequence INTEGER NOT NULL, 
	stream TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	envelope_id TEXT NOT NULL, 
	source TEXT NOT NULL, 
	payload_type TEXT NOT NULL, 
	causation_id TEXT NOT NULL, 
	bytes BLOB NOT NULL, 
	now TEXT NOT NULL, 
	seed TEXT NOT NULL, 
	limits TEXT NOT NULL, 
	process TEXT NOT NULL, 
	delivery_attempt INTEGER NOT NULL, 
	code_version TEXT NOT NULL, 
	facts INTEGER NOT NULL, 
	sends INTEGER NOT NULL, 
	refusal TEXT, 
	PRIMARY KEY (sequence), 
	CONSTRAINT inbox_envelope UNIQUE (envelope_id, stream)
);
INSERT INTO "inbox" VALUES(1,'root',1,'env_asked','_user-ada','cancel','cause_asked',X'7B226964223A22656E765F61736B6564222C22736368656D615F76657273696F6E223A312C226F7267616E697A6174696F6E223A2264656D6F222C2267656E6F6D655F6964223A2261616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161222C226368616E6E656C223A22636F6D6D616E64222C22736F75726365223A225F757365722D616461222C22746172676574223A22726F6F74222C227061796C6F61645F74797065223A2263616E63656C222C227061796C6F6164223A7B227061796C6F61645F74797065223A2263616E63656C222C2273636F7065223A227461736B222C227375626A656374223A2261736B6564222C2263616E63656C5F65706F6368223A302C22726561736F6E223A22227D2C22636F7272656C6174696F6E5F6964223A2273746F7279222C22636175736174696F6E5F6964223A2263617573655F61736B6564222C227072696F72697479223A226E6F726D616C222C22637265617465645F6174223A22323032362D30312D30325430333A30343A30352E3637383930315A222C22657870697265735F6174223A22323032362D30312D30395430333A30343A30352E3637383930315A222C2263616E63656C5F65706F6368223A302C2270617468223A5B5D7D','2026-01-02T03:04:05.678901Z','18446744073709551615','bdd6981cc68897578c1c2f3ee31d5082173b98cd6cea1f613f3f46eff39cbe4f','process-1',1,'0.1.0',4,1,NULL);
INSERT INTO "inbox" VALUES(2,'team',1,'env_to_team','root','cancel','env_asked',X'7B226964223A22656E765F746F5F7465616D222C22736368656D615F76657273696F6E223A312C226F7267616E697A6174696F6E223A2264656D6F222C2267656E6F6D655F6964223A2261616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161222C226368616E6E656C223A22636F6D6D616E64222C22736F75726365223A22726F6F74222C22746172676574223A227465616D222C227061796C6F61645F74797065223A2263616E63656C222C227061796C6F6164223A7B227061796C6F61645F74797065223A2263616E63656C222C2273636F7065223A227461736B222C227375626A656374223A22746F5F7465616D222C2263616E63656C5F65706F6368223A302C22726561736F6E223A22227D2C22636F7272656C6174696F6E5F6964223A2273746F7279222C22636175736174696F6E5F6964223A22656E765F61736B6564222C227072696F72697479223A226E6F726D616C222C22637265617465645F6174223A22323032362D30312D30325430333A30343A30352E3637383930315A222C22657870697265735F6174223A22323032362D30312D30395430333A30343A30352E3637383930315A222C2263616E63656C5F65706F6368223A302C2270617468223A5B5D7D','2026-01-02T03:04:05.678901Z','18446744073709551615','bdd6981cc68897578c1c2f3ee31d5082173b98cd6cea1f613f3f46eff39cbe4f','process-1',1,'0.1.0',3,1,NULL);
INSERT INTO "inbox" VALUES(3,'team',2,'env_from_coder','coder','cancel','env_to_coder',X'7B226964223A22656E765F66726F6D5F636F646572222C22736368656D615F76657273696F6E223A312C226F7267616E697A6174696F6E223A2264656D6F222C2267656E6F6D655F6964223A2261616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161222C226368616E6E656C223A22636F6D6D616E64222C22736F75726365223A22636F646572222C22746172676574223A227465616D222C227061796C6F61645F74797065223A2263616E63656C222C227061796C6F6164223A7B227061796C6F61645F74797065223A2263616E63656C222C2273636F7065223A227461736B222C227375626A656374223A2266726F6D5F636F646572222C2263616E63656C5F65706F6368223A302C22726561736F6E223A22227D2C22636F7272656C6174696F6E5F6964223A2273746F7279222C22636175736174696F6E5F6964223A22656E765F746F5F636F646572222C227072696F72697479223A226E6F726D616C222C22637265617465645F6174223A22323032362D30312D30325430333A30343A30352E3637383930315A222C22657870697265735F6174223A22323032362D30312D30395430333A30343A30352E3637383930315A222C2263616E63656C5F65706F6368223A302C2270617468223A5B5D7D','2026-01-02T03:04:05.678901Z','18446744073709551615','bdd6981cc68897578c1c2f3ee31d5082173b98cd6cea1f613f3f46eff39cbe4f','process-1',1,'0.1.0',4,1,NULL);
INSERT INTO "inbox" VALUES(4,'team',3,'env_from_tester','tester','cancel','env_to_tester',X'7B226964223A22656E765F66726F6D5F746573746572222C22736368656D615F76657273696F6E223A312C226F7267616E697A6174696F6E223A2264656D6F222C2267656E6F6D655F6964223A2261616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161222C226368616E6E656C223A22636F6D6D616E64222C22736F75726365223A22746573746572222C22746172676574223A227465616D222C227061796C6F61645F74797065223A2263616E63656C222C227061796C6F6164223A7B227061796C6F61645F74797065223A2263616E63656C222C2273636F7065223A227461736B222C227375626A656374223A2266726F6D5F746573746572222C2263616E63656C5F65706F6368223A302C22726561736F6E223A22227D2C22636F7272656C6174696F6E5F6964223A2273746F7279222C22636175736174696F6E5F6964223A22656E765F746F5F746573746572222C227072696F72697479223A226E6F726D616C222C22637265617465645F6174223A22323032362D30312D30325430333A30343A30352E3637383930315A222C22657870697265735F6174223A22323032362D30312D30395430333A30343A30352E3637383930315A222C2263616E63656C5F65706F6368223A302C2270617468223A5B5D7D','2026-01-02T03:04:05.678901Z','18446744073709551615','bdd6981cc68897578c1c2f3ee31d5082173b98cd6cea1f613f3f46eff39cbe4f','process-1',1,'0.1.0',6,1,NULL);
INSERT INTO "inbox" VALUES(5,'root',2,'env_up','team','cancel','env_from_tester',X'7B226964223A22656E765F7570222C22736368656D615F76657273696F6E223A312C226F7267616E697A6174696F6E223A2264656D6F222C2267656E6F6D655F6964223A2261616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161222C226368616E6E656C223A22636F6D6D616E64222C22736F75726365223A227465616D222C22746172676574223A22726F6F74222C227061796C6F61645F74797065223A2263616E63656C222C227061796C6F6164223A7B227061796C6F61645F74797065223A2263616E63656C222C2273636F7065223A227461736B222C227375626A656374223A227570222C2263616E63656C5F65706F6368223A302C22726561736F6E223A22227D2C22636F7272656C6174696F6E5F6964223A2273746F7279222C22636175736174696F6E5F6964223A22656E765F66726F6D5F746573746572222C227072696F72697479223A226E6F726D616C222C22637265617465645F6174223A22323032362D30312D30325430333A30343A30352E3637383930315A222C22657870697265735F6174223A22323032362D30312D30395430333A30343A30352E3637383930315A222C2263616E63656C5F65706F6368223A302C2270617468223A5B5D7D','2026-01-02T03:04:05.678901Z','18446744073709551615','bdd6981cc68897578c1c2f3ee31d5082173b98cd6cea1f613f3f46eff39cbe4f','process-1',1,'0.1.0',5,0,NULL);
CREATE TABLE jobs (
	node VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	started_at TEXT NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (node, id)
);
INSERT INTO "jobs" VALUES('root','j','2026-01-02T03:04:05.678901Z','{"cause_id":"env_cause","correlation_id":"story","deadline_seconds":60,"id":"j","node":"root","request":{"kind":"survey","repository":{"base_commit":"cccccccccccccccccccccccccccccccccccccccc","identity":"repository","location":"somewhere"}},"started_at":"2026-01-02T03:04:05.678901Z","subject":"task"}');
CREATE TABLE ledger (
	organization VARCHAR NOT NULL, 
	schema_version INTEGER NOT NULL, 
	created_at TEXT NOT NULL, 
	PRIMARY KEY (organization)
);
INSERT INTO "ledger" VALUES('demo',1,'2026-01-02T03:04:05.678901Z');
CREATE TABLE limits (
	digest VARCHAR NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (digest)
);
INSERT INTO "limits" VALUES('bdd6981cc68897578c1c2f3ee31d5082173b98cd6cea1f613f3f46eff39cbe4f','{"admit_seconds":600,"attempts_per_task":3,"crashes_per_task":10,"heartbeat_seconds":10,"job_seconds":3600,"lease_seconds":60,"merge_attempts":3,"report_interval_seconds":0.5,"result_resend_seconds":15,"task_seconds":3600,"tasks_per_directive":10000,"work_in_progress":256}');
CREATE TABLE outbox (
	sequence INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	stream TEXT NOT NULL, 
	target TEXT NOT NULL, 
	payload_type TEXT NOT NULL, 
	causation_id TEXT NOT NULL, 
	bytes BLOB NOT NULL, 
	expires_at TEXT NOT NULL, 
	sent_at TEXT, 
	handled INTEGER NOT NULL, 
	PRIMARY KEY (sequence), 
	CONSTRAINT outbox_id UNIQUE (id)
);
INSERT INTO "outbox" VALUES(1,'env_to_team','root','team','cancel','env_asked',X'7B226964223A22656E765F746F5F7465616D222C22736368656D615F76657273696F6E223A312C226F7267616E697A6174696F6E223A2264656D6F222C2267656E6F6D655F6964223A2261616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161222C226368616E6E656C223A22636F6D6D616E64222C22736F75726365223A22726F6F74222C22746172676574223A227465616D222C227061796C6F61645F74797065223A2263616E63656C222C227061796C6F6164223A7B227061796C6F61645F74797065223A2263616E63656C222C2273636F7065223A227461736B222C227375626A656374223A22746F5F7465616D222C2263616E63656C5F65706F6368223A302C22726561736F6E223A22227D2C22636F7272656C6174696F6E5F6964223A2273746F7279222C22636175736174696F6E5F6964223A22656E765F61736B6564222C227072696F72697479223A226E6F726D616C222C22637265617465645F6174223A22323032362D30312D30325430333A30343A30352E3637383930315A222C22657870697265735F6174223A22323032362D30312D30395430333A30343A30352E3637383930315A222C2263616E63656C5F65706F6368223A302C2270617468223A5B5D7D','2026-01-09T03:04:05.678901Z',NULL,1);
INSERT INTO "outbox" VALUES(2,'env_to_coder','team','coder','cancel','env_to_team',X'7B226964223A22656E765F746F5F636F646572222C22736368656D615F76657273696F6E223A312C226F7267616E697A6174696F6E223A2264656D6F222C2267656E6F6D655F6964223A2261616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161222C226368616E6E656C223A22636F6D6D616E64222C22736F75726365223A227465616D222C22746172676574223A22636F646572222C227061796C6F61645F74797065223A2263616E63656C222C227061796C6F6164223A7B227061796C6F61645F74797065223A2263616E63656C222C2273636F7065223A227461736B222C227375626A656374223A22746F5F636F646572222C2263616E63656C5F65706F6368223A302C22726561736F6E223A22227D2C22636F7272656C6174696F6E5F6964223A2273746F7279222C22636175736174696F6E5F6964223A22656E765F746F5F7465616D222C227072696F72697479223A226E6F726D616C222C22637265617465645F6174223A22323032362D30312D30325430333A30343A30352E3637383930315A222C22657870697265735F6174223A22323032362D30312D30395430333A30343A30352E3637383930315A222C2263616E63656C5F65706F6368223A302C2270617468223A5B5D7D','2026-01-09T03:04:05.678901Z',NULL,0);
INSERT INTO "outbox" VALUES(3,'env_to_tester','team','tester','cancel','env_from_coder',X'7B226964223A22656E765F746F5F746573746572222C22736368656D615F76657273696F6E223A312C226F7267616E697A6174696F6E223A2264656D6F222C2267656E6F6D655F6964223A2261616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161222C226368616E6E656C223A22636F6D6D616E64222C22736F75726365223A227465616D222C22746172676574223A22746573746572222C227061796C6F61645F74797065223A2263616E63656C222C227061796C6F6164223A7B227061796C6F61645F74797065223A2263616E63656C222C2273636F7065223A227461736B222C227375626A656374223A22746F5F746573746572222C2263616E63656C5F65706F6368223A302C22726561736F6E223A22227D2C22636F7272656C6174696F6E5F6964223A2273746F7279222C22636175736174696F6E5F6964223A22656E765F66726F6D5F636F646572222C227072696F72697479223A226E6F726D616C222C22637265617465645F6174223A22323032362D30312D30325430333A30343A30352E3637383930315A222C22657870697265735F6174223A22323032362D30312D30395430333A30343A30352E3637383930315A222C2263616E63656C5F65706F6368223A302C2270617468223A5B5D7D','2026-01-09T03:04:05.678901Z',NULL,0);
INSERT INTO "outbox" VALUES(4,'env_up','team','root','cancel','env_from_tester',X'7B226964223A22656E765F7570222C22736368656D615F76657273696F6E223A312C226F7267616E697A6174696F6E223A2264656D6F222C2267656E6F6D655F6964223A2261616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161222C226368616E6E656C223A22636F6D6D616E64222C22736F75726365223A227465616D222C22746172676574223A22726F6F74222C227061796C6F61645F74797065223A2263616E63656C222C227061796C6F6164223A7B227061796C6F61645F74797065223A2263616E63656C222C2273636F7065223A227461736B222C227375626A656374223A227570222C2263616E63656C5F65706F6368223A302C22726561736F6E223A22227D2C22636F7272656C6174696F6E5F6964223A2273746F7279222C22636175736174696F6E5F6964223A22656E765F66726F6D5F746573746572222C227072696F72697479223A226E6F726D616C222C22637265617465645F6174223A22323032362D30312D30325430333A30343A30352E3637383930315A222C22657870697265735F6174223A22323032362D30312D30395430333A30343A30352E3637383930315A222C2263616E63656C5F65706F6368223A302C2270617468223A5B5D7D','2026-01-09T03:04:05.678901Z',NULL,1);
CREATE TABLE streams (
	stream VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	head_hash TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	owner TEXT, 
	claimed_until TEXT, 
	PRIMARY KEY (stream)
);
INSERT INTO "streams" VALUES('root',9,'3a3f98370f7ed8b5540dddb987ace15629749884276d2f39ab46b84f0dce0afa',2,1,NULL,NULL);
INSERT INTO "streams" VALUES('team',13,'3414e4f3ea2ca887643c3cb212383cd6467c8f484d0c5ce8d7ff293c2a2c4062',3,1,NULL,NULL);
CREATE TABLE tasks (
	task_id VARCHAR NOT NULL, 
	planner TEXT NOT NULL, 
	directive_id TEXT NOT NULL, 
	mandate_id TEXT NOT NULL, 
	parent_task_id TEXT, 
	role TEXT NOT NULL, 
	task_class TEXT, 
	title TEXT NOT NULL, 
	dependencies TEXT NOT NULL, 
	verifies TEXT, 
	state TEXT NOT NULL, 
	node TEXT, 
	attempts INTEGER NOT NULL, 
	outcome TEXT, 
	failure_class TEXT, 
	reason TEXT NOT NULL, 
	"commit" TEXT, 
	tip TEXT, 
	files_touched TEXT NOT NULL, 
	planned_at TEXT NOT NULL, 
	concluded_at TEXT, 
	PRIMARY KEY (task_id)
);
INSERT INTO "tasks" VALUES('task_whole','root','fix-docs','fix-docs',NULL,'implement',NULL,'do task_whole','[]',NULL,'concluded','team',1,'completed',NULL,'','cccccccccccccccccccccccccccccccccccccccc','cccccccccccccccccccccccccccccccccccccccc','["docs/a.md","docs/ü.md"]','2026-01-02T03:04:06.678901Z','2026-01-02T03:04:10.678901Z');
INSERT INTO "tasks" VALUES('task_other','root','fix-docs','fix-docs',NULL,'implement',NULL,'do task_other','[]',NULL,'concluded',NULL,0,'no_change',NULL,'',NULL,NULL,'[]','2026-01-02T03:04:06.678901Z','2026-01-02T03:04:10.678901Z');
INSERT INTO "tasks" VALUES('task_part','team','fix-docs','task_whole','task_whole','implement',NULL,'do task_part','[]',NULL,'concluded','coder',1,'completed',NULL,'','cccccccccccccccccccccccccccccccccccccccc','cccccccccccccccccccccccccccccccccccccccc','["docs/a.md","docs/ü.md"]','2026-01-02T03:04:07.678901Z','2026-01-02T03:04:09.678901Z');
INSERT INTO "tasks" VALUES('task_check','team','fix-docs','task_whole','task_whole','test',NULL,'do task_check','["task_part"]','task_part','concluded','tester',1,'completed',NULL,'','cccccccccccccccccccccccccccccccccccccccc',NULL,'["docs/a.md","docs/ü.md"]','2026-01-02T03:04:08.678901Z','2026-01-02T03:04:09.678901Z');
CREATE TABLE timers (
	node VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	due_at TEXT NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (node, id)
);
INSERT INTO "timers" VALUES('root','t','2026-01-02T03:04:15.678901Z','{"due_at":"2026-01-02T03:04:15.678901Z","id":"t","node":"root","purpose":"retry","subject":"task","token":0}');
CREATE TABLE trace_credit (
	fact_id VARCHAR NOT NULL, 
	node VARCHAR NOT NULL, 
	depth INTEGER NOT NULL, 
	PRIMARY KEY (fact_id, node)
);
INSERT INTO "trace_credit" VALUES('fact_team_5','root',2);
INSERT INTO "trace_credit" VALUES('fact_team_5','team',1);
INSERT INTO "trace_credit" VALUES('fact_team_5','coder',0);
CREATE TABLE traces (
	fact_id VARCHAR NOT NULL, 
	task_id TEXT NOT NULL, 
	directive_id TEXT NOT NULL, 
	node TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	genome_id TEXT NOT NULL, 
	trial_id TEXT, 
	arm TEXT NOT NULL, 
	role TEXT NOT NULL, 
	task_class TEXT, 
	outcome TEXT NOT NULL, 
	failure_class TEXT, 
	input_tokens INTEGER NOT NULL, 
	output_tokens INTEGER NOT NULL, 
	money TEXT, 
	currency TEXT, 
	worker_seconds FLOAT NOT NULL, 
	latency_seconds FLOAT NOT NULL, 
	lines_changed INTEGER NOT NULL, 
	traced_at TEXT NOT NULL, 
	PRIMARY KEY (fact_id)
);
INSERT INTO "traces" VALUES('fact_team_5','task_part','fix-docs','coder',1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL,'champion','implement',NULL,'completed',NULL,0,0,NULL,NULL,0.0,0.0,0,'2026-01-02T03:04:08.678901Z');
CREATE INDEX facts_directive ON facts (directive_id) WHERE directive_id IS NOT NULL;
CREATE INDEX facts_task ON facts (task_id) WHERE task_id IS NOT NULL;
CREATE INDEX facts_causation ON facts (causation_id);
CREATE INDEX outbox_unsent ON outbox (stream, sequence) WHERE sent_at IS NULL;
CREATE INDEX outbox_open ON outbox (stream, expires_at) WHERE handled = 0;
CREATE INDEX tasks_parent ON tasks (parent_task_id);
CREATE INDEX tasks_directive ON tasks (directive_id);
CREATE INDEX executions_directive ON executions (directive_id);
CREATE INDEX trace_credit_node ON trace_credit (node, depth, fact_id);
COMMIT;
