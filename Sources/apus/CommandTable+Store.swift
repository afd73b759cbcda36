import ApusCommandLine

extension CommandDescription {
  /// `apus store`.
  static let store = CommandDescription(
    name: "store", operands: "check|repair|dump|pending DIR [log|queue|index|checkpoint]", operandLimit: 3,
    summary: "Look into a store that no broker has open, and put it in order.",
    details: """
      check reads the whole log and holds queues, index, marks and configuration
      against it: a line for each finding, then a summary; it ends with 1 when
      there is a problem. repair says what it would do, and does it with --yes.
      dump shows what lies in the files. pending lists the messages that wait for
      their delivery, and says which of them RocketMQ 4.9.8 would not deliver when
      they are due; it ends with 1 when there are such. It opens the store as a
      broker does. The lengths of files are found from the
      files; where none has the right one, say it.
      """,
    options: [
      Option("json", help: "One JSON object a line instead of text."),
      Option("yes", help: "repair: do it."),
      Option("queues", help: "repair: build the queues anew even if they fit the log."),
      Option("index", help: "repair: build the index anew even if it fits the log."),
      Option("from", value: "OFFSET", help: "dump: begin here: log offset, queue offset or index entry (0)."),
      Option("count", value: "N", help: "dump: show at most so many (20)."),
      Option("topic", value: "NAME", help: "dump queue: the topic."),
      Option("queue", value: "N", help: "dump queue: the queue (0)."),
      Option("records", help: "dump queue: show the messages too."),
      Option("body", help: "dump: show bodies as text."),
      Option("delay-levels", value: "LIST", help: "Delays of the levels (messageDelayLevel; RocketMQ's 18)."),
      Option("commitlog", value: "DIR", help: "Where the log is (DIR/commitlog)."),
      Option("segment-bytes", value: "N", help: "The length of a log file (mappedFileSizeCommitLog)."),
      Option("queue-file-bytes", value: "N", help: "The length of a queue file (mappedFileSizeConsumeQueue)."),
      Option("index-slots", value: "N", help: "Slots of an index file (maxHashSlotNum, 5000000)."),
    ])
}
