/// Completions of shells, made from command tables. Commands are named by the words that call them: `serve`, or
/// `admin topicList` for one below another.
package enum Completions {
  /// The shells that there are completions for.
  package enum Shell: String, CaseIterable, Sendable {
    case bash, zsh, fish
  }

  /// The script that a shell reads.
  package static func script(for shell: Shell, _ commands: [CommandDescription]) -> String {
    switch shell {
    case .bash: bash(commands)
    case .zsh: zsh(commands)
    case .fish: fish(commands)
    }
  }

  /// Commands of one word, and those below each of them.
  private static func tree(
    _ commands: [CommandDescription]
  ) -> (top: [CommandDescription], below: [(parent: String, commands: [CommandDescription])]) {
    let top = commands.filter { !$0.name.contains(" ") }
    let below = top.map { parent in
      (parent.name, commands.filter { $0.name.hasPrefix(parent.name + " ") })
    }
    return (top, below.filter { !$0.1.isEmpty })
  }

  private static func word(_ command: CommandDescription) -> String {
    command.name.split(separator: " ").last.map(String.init) ?? command.name
  }

  private static func spellings(_ command: CommandDescription) -> [String] {
    command.options.flatMap { option in ["--\(option.name)"] + (option.letter.map { ["-\($0)"] } ?? []) }
  }

  // MARK: bash

  private static func bash(_ commands: [CommandDescription]) -> String {
    let (top, below) = tree(commands)
    var lines = [
      "# bash completion of apus: source <(apus completions bash)", "_apus() {", "  local words=",
      "  case \"$COMP_CWORD:${COMP_WORDS[1]}:${COMP_WORDS[2]}\" in",
      "  1:*) words=\"\(top.map(\.name).joined(separator: " "))\" ;;",
    ]
    for (parent, commands) in below {
      lines.append("  2:\(parent):*) words=\"help \(commands.map(word).joined(separator: " "))\" ;;")
      for command in commands {
        lines.append("  *:\(parent):\(word(command))) words=\"\(spellings(command).joined(separator: " "))\" ;;")
      }
    }
    for command in top {
      lines.append("  *:\(command.name):*) words=\"\(spellings(command).joined(separator: " "))\" ;;")
    }
    lines += [
      "  esac", "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))", "}",
      "complete -o default -F _apus apus", "",
    ]
    return lines.joined(separator: "\n")
  }

  // MARK: zsh

  private static func zsh(_ commands: [CommandDescription]) -> String {
    let (top, below) = tree(commands)
    var lines = [
      "#compdef apus", "# zsh completion of apus: apus completions zsh > \"${fpath[1]}/_apus\"", "_apus() {",
      "  local -a found", "  case \"$CURRENT:$words[2]:$words[3]\" in",
    ]
    func entry(_ name: String, _ help: String) -> String {
      "'\(name):\(help.replacingEach("'", with: "’").replacingEach(":", with: "\\:"))'"
    }
    func options(_ command: CommandDescription) -> String {
      command.options.flatMap { option in
        [entry("--\(option.name)", option.help)] + (option.letter.map { [entry("-\($0)", option.help)] } ?? [])
      }.joined(separator: " ")
    }
    lines.append("  2:*) found=(\(top.map { entry($0.name, $0.summary) }.joined(separator: " "))) ;;")
    for (parent, commands) in below {
      let words = commands.map { entry(word($0), $0.summary) }.joined(separator: " ")
      lines.append("  3:\(parent):*) found=(\(entry("help", "Explain a command.")) \(words)) ;;")
      for command in commands { lines.append("  *:\(parent):\(word(command))) found=(\(options(command))) ;;") }
    }
    for command in top { lines.append("  *:\(command.name):*) found=(\(options(command))) ;;") }
    lines += ["  esac", "  _describe 'apus' found", "}", "compdef _apus apus", ""]
    return lines.joined(separator: "\n")
  }

  // MARK: fish

  private static func fish(_ commands: [CommandDescription]) -> String {
    let (top, below) = tree(commands)
    func quoted(_ text: String) -> String { "'\(text.replacingEach("'", with: "’"))'" }
    var lines = ["# fish completion of apus: apus completions fish | source"]
    for command in top {
      lines.append("complete -c apus -n __fish_use_subcommand -f -a \(command.name) -d \(quoted(command.summary))")
    }
    for (parent, commands) in below {
      let isOpen = "'test (count (commandline -opc)) -eq 2; and __fish_seen_subcommand_from \(parent)'"
      for command in commands {
        lines.append("complete -c apus -n \(isOpen) -f -a \(word(command)) -d \(quoted(command.summary))")
      }
    }
    for command in commands {
      for option in command.options {
        let letter = option.letter.map { " -s \($0)" } ?? ""
        let value = option.value == nil ? "" : " -r"
        lines.append(
          "complete -c apus -n '__fish_seen_subcommand_from \(word(command))' -l \(option.name)\(letter)\(value)"
            + " -d \(quoted(option.help))")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension String {
  /// The text with one character in the place of another.
  func replacingEach(_ character: Character, with replacement: String) -> String {
    reduce(into: "") { $0 += $1 == character ? replacement : String($1) }
  }
}
