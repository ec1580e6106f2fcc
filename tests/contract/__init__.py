"""The contract that every template keeps, as tests: `pytest --pyargs maquette.contract_tests`."""
