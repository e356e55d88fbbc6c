"""Say how artifacts differ: parameter by parameter, in totals, by module."""
