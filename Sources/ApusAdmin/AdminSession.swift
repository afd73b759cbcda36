import ApusBase
import ApusClient
import ApusCommandLine
import ApusSystem

/// What a command works with while it runs: the servers, and the one who called it.
package struct AdminSession: Sendable {
  /// The servers.
  package let client: AdminClient
  /// How the servers are reached, for clients of a command's own.
  let configuration: ClientConfiguration
  /// The caller.
  package let console: Console
  /// Whether results are printed as JSON, one object a line.
  package let isJSON: Bool
  /// Whether what cannot be undone is done without a question.
  package let isConfirmed: Bool
  /// The command's name, for messages.
  package let command: String

  // MARK: Results

  /// Prints what a command says: a text that ends its line, or in JSON the fields. Without fields it is for people
  /// only.
  func say(_ text: String, _ fields: KeyValuePairs<String, Cell> = [:]) {
    guard isJSON else { return console.show(text + "\n") }
    guard !fields.isEmpty else { return }
    write(fields.map { JSONMember($0.key, $0.value.json) })
  }

  /// Prints a document: as Java writes it, or in JSON on one line.
  func show(_ document: JSONValue, as text: String) {
    guard isJSON else { return console.show(text + "\n") }
    console.write(document.text(.standard) + "\n")
  }

  /// Prints the heads of a table.
  func begin(_ table: Table) {
    guard !isJSON, table.hasHead else { return }
    console.write(table.headLine)
  }

  /// Prints a row of a table.
  func row(_ table: Table, _ cells: [Cell]) {
    guard isJSON else { return console.show(table.line(cells)) }
    precondition(cells.count == table.columns.count, "\(cells.count) cells for \(table.columns.count) columns")
    write(zip(table.columns, cells).compactMap { column, cell in column.key.map { JSONMember($0, cell.json) } })
  }

  /// Prints a whole table.
  func show(_ table: Table, _ rows: [[Cell]]) {
    begin(table)
    for cells in rows { row(table, cells) }
  }

  private func write(_ members: [JSONMember]) { console.write(JSONValue.object(members).text(.standard) + "\n") }

  // MARK: The caller

  /// Says on standard error what is not a result.
  func warn(_ text: String) { console.tell("\(command): \(text)\n") }

  /// Asks before something that cannot be undone, when somebody sits at the terminal and has not confirmed it already.
  /// A script is not asked, as mqadmin does not.
  func confirm(_ what: String) throws(AdminError) {
    guard !isConfirmed, let ask = console.ask else { return }
    let answer = ask("\(command): this will \(what). Type yes to go on: ")
    guard answer?.lowercased() == "yes" else {
      throw AdminError("not done, as it was not confirmed; --yes does it without a question")
    }
  }

  // MARK: Servers

  /// Does something at one server after the other. One that fails is named on standard error and does not keep the
  /// others from their turn; afterwards it is thrown that there were such.
  func each(
    _ servers: [String], _ work: (String) async throws(AdminError) -> Void
  ) async throws(AdminError) {
    var failures: [String] = []
    for server in servers {
      do throws(AdminError) {
        try await work(server)
      } catch {
        warn("\(server): \(error)")
        failures.append(server)
      }
    }
    guard failures.isEmpty else {
      throw AdminError("failed at \(failures.joined(separator: ", ")), \(failures.count) of \(servers.count)")
    }
  }

  /// Names broker groups that have no master, or no broker at all, on standard error. Returns what the command throws
  /// after its work at the others; nil when there are none.
  func passOver(_ groups: [String], without noun: String) -> AdminError? {
    for group in groups { warn("the broker group \(group) has no \(noun) and is passed over") }
    return groups.isEmpty ? nil : AdminError("no \(noun) has registered of \(groups.joined(separator: ", "))")
  }

  /// Asks one server after the other. One that fails is named on standard error; what the others answered is worth
  /// showing all the same, and `failure`, nil when all answered, is what the command throws afterwards.
  func gather<Answer: Sendable>(
    from servers: [String], _ ask: (String) async throws(AdminError) -> Answer
  ) async -> (answers: [Answer], failure: AdminError?) {
    var answers: [Answer] = []
    do throws(AdminError) {
      try await each(servers) { server throws(AdminError) in answers.append(try await ask(server)) }
      return (answers, nil)
    } catch {
      return (answers, error)
    }
  }
}

// MARK: Rounds

extension AdminSession {
  /// Does something once, or until the task is cancelled with a pause between. A later round that fails is said on
  /// standard error and does not end the others: who watches wants to see that servers are back.
  func again(
    every pause: Duration?, _ work: () async throws(AdminError) -> Void
  ) async throws(AdminError) {
    try await work()
    guard let pause else { return }
    while await sleep(for: pause) {
      do throws(AdminError) {
        try await work()
      } catch {
        warn("\(error)")
      }
    }
  }

  /// Waits; false when the task was cancelled meanwhile.
  func sleep(for pause: Duration) async -> Bool {
    do {
      try await Task.sleep(for: pause)
      return true
    } catch {
      return false
    }
  }
}
