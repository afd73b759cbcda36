#ifndef APUS_CYAML_SHIM_H
#define APUS_CYAML_SHIM_H
#include <yaml.h>

/* What an event carries lies in a union, which Swift imports without names. */
static inline yaml_event_type_t apus_yaml_type(const yaml_event_t *event) { return event->type; }
static inline size_t apus_yaml_line(const yaml_event_t *event) { return event->start_mark.line; }
static inline const unsigned char *apus_yaml_scalar(const yaml_event_t *event, size_t *count) {
  *count = event->data.scalar.length;
  return event->data.scalar.value;
}
static inline int apus_yaml_scalar_is_plain(const yaml_event_t *event) {
  return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}
/* Whether a node has a tag of its own, as `!!java.lang.Object` is one. */
static inline int apus_yaml_has_tag(const yaml_event_t *event) {
  switch (event->type) {
    case YAML_SCALAR_EVENT: return event->data.scalar.tag != NULL;
    case YAML_SEQUENCE_START_EVENT: return event->data.sequence_start.tag != NULL;
    case YAML_MAPPING_START_EVENT: return event->data.mapping_start.tag != NULL;
    default: return 0;
  }
}
static inline size_t apus_yaml_problem_line(const yaml_parser_t *parser) { return parser->problem_mark.line; }
#endif
