# Black-box tests: each file starts the built program and talks to it from outside.
blackbox_tests = \
	%D%/test_access_log.py \
	%D%/test_arbiter.py \
	%D%/test_check_forms.py \
	%D%/test_check_facts.py \
	%D%/test_check_tls.py \
	%D%/test_ci_examples.py \
	%D%/test_clients.py \
	%D%/test_config_declarative.py \
	%D%/test_config_errors.py \
	%D%/test_config_ini.py \
	%D%/test_config_reload.py \
	%D%/test_config_sources.py \
	%D%/test_corpus.py \
	%D%/test_faults.py \
	%D%/test_frameworks.py \
	%D%/test_gthread.py \
	%D%/test_hooks.py \
	%D%/test_hostile.py \
	%D%/test_near_misses.py \
	%D%/test_places.py \
	%D%/test_master.py \
	%D%/test_print_forms.py \
	%D%/test_proxy_protocol.py \
	%D%/test_proxies.py \
	%D%/test_python_env.py \
	%D%/test_request_limits.py \
	%D%/test_response.py \
	%D%/test_reload_code.py \
	%D%/test_schema_docs.py \
	%D%/test_schema_products.py \
	%D%/test_serve_basic.py \
	%D%/test_tracebacks.py \
	%D%/test_tls.py \
	%D%/test_slow_clients.py \
	%D%/test_slow_readers.py \
	%D%/test_uploads.py \
	%D%/test_worker_life.py \
	%D%/test_systemd.py \
	%D%/test_upgrade.py \
	%D%/test_wsgi.py

TESTS += $(blackbox_tests)
EXTRA_DIST += pytest.ini tests/blackbox
