/**
 * DEBUG makes libraries print whole statements with their values and whole commands for Redis, past our log. Each entry imports this
 * before anything else, because they read it when they are loaded. Source: promise P29.
 */
delete process.env['DEBUG']
