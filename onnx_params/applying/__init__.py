"""Write weights into an artifact: where each parameter lies says where its new values go."""
