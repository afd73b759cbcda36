// Messages, topics and their stored form.
