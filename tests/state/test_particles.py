from mgit.state import half_sets, matching, particle_columns, particle_table, particles


def test_one_module_offers_all_that_is_done_with_particles():
    for module in (half_sets, matching, particle_columns, particle_table):
        for name in set(module.__all__) - {"common_codes"}:
            assert getattr(particles, name) is getattr(module, name)
