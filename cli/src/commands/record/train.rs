//! `mira record train`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use mira_core::statement::{Agent, InputRole, ModelSubject, Predicate, Train, model_id};
use serde::{Deserialize, Serialize};

use super::{code, digest, name, typed_or_from, warn};
use crate::args::Global;
use crate::artifact::{Artifact, FileLine};
use crate::error::{CliError, Kind, Result, ResultExt};
use crate::output::{Output, count, counted};
use crate::recording::{Receipt, Recording};
use crate::session::Session;
use crate::terms::{Granted, TermsArgs};
use crate::uses::{ExternalSpec, InputLine, UseSpec, Used};

/// Record a training run: a model, and everything that it was made from
///
/// The model is the list of its files, each by path and SHA-256. The inputs are a closed list: what is not named was not
/// used. An input that does not allow training is recorded all the same, with a warning, and `mira check` says so for
/// ever; one that was withdrawn is refused.
#[derive(Debug, Clone, Args, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(after_help = "Examples:
  mira record train --model net --artifact net.safetensors --uses penguins --license MIT --allow commercial
  mira record train --model net --artifact out/ --uses weather,chunks=0-9+12,passes=3 \\
      --uses-external hf:org/base,license=Apache-2.0,role=base --code https://example.org/net.git@COMMIT --config run.yaml
  mira record train --from run.json

The members of the JSON are the options: {\"model\": \"net\", \"artifact\": [\"net.safetensors\"],
\"uses\": [{\"ref\": \"penguins\", \"role\": \"train\"}], \"rights\": {\"license\": \"MIT\", \"allow\": [\"train\"]}}")]
pub struct TrainArgs {
    /// The model's name
    #[arg(long, value_name = "NAME", required_unless_present = "from")]
    model: Option<String>,
    /// A file or folder of the model, or sha256:HEX; may be repeated
    #[arg(long, value_name = "PATH", required_unless_present = "from")]
    artifact: Vec<String>,
    /// A dataset or model that it was made from: REF[,role=R][,chunks=0-9+12][,rows=FILE][,passes=N][,tokens=N]
    #[arg(long, value_name = "REF,…")]
    #[serde(default)]
    uses: Vec<UseSpec>,
    /// Anything else that it was made from: URI[,sha256=HEX][,license=SPDX][,role=base]
    #[arg(long, value_name = "URI,…")]
    #[serde(default)]
    uses_external: Vec<ExternalSpec>,
    /// The program: URI@COMMIT
    #[arg(long, value_name = "URI@COMMIT")]
    code: Option<String>,
    /// The program's configuration, of which the SHA-256 is recorded: a file, or sha256:HEX
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// Who took part: ROLE=WHO, with WHO a label, did:key, contributor_id or a key of yours; roles are compute,
    /// contributor, deployer, developer, trainer, validator
    #[arg(long, value_name = "ROLE=WHO")]
    #[serde(default)]
    agent: Vec<String>,
    /// Whose model it is, if not yours; they must have delegated to you
    #[arg(long, value_name = "WHO")]
    on_behalf_of: Option<String>,
    /// Take all this from a JSON file instead, `-` for standard input
    #[arg(long, visible_alias = "from-file", value_name = "FILE", conflicts_with_all = ["model", "artifact", "uses", "uses_external", "code", "config",
          "agent", "on_behalf_of"], conflicts_with_all = TermsArgs::IDS)]
    #[serde(skip)]
    from: Option<PathBuf>,
    #[command(flatten)]
    #[serde(default)]
    rights: TermsArgs,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    receipt: Receipt,
    model: String,
    #[serde(serialize_with = "count")]
    version: u64,
    model_id: String,
    outputs: Vec<FileLine>,
    inputs: Vec<InputLine>,
    warnings: Vec<String>,
}

/// Records it.
pub(super) fn run(typed: &TrainArgs, global: &Global, output: &Output) -> Result {
    let from = typed_or_from::<TrainArgs>(typed.from.as_ref())?;
    let args = from.as_ref().unwrap_or(typed);
    let mut recording = Recording::open(global)?;
    let model = name(args.model.as_deref().unwrap_or_default())?;
    let session = &recording.session;
    let mut used = Used::find(session, &args.uses, &args.uses_external, InputRole::Train)?;
    let artifact = Artifact::read(&args.artifact, &model)?;
    let blobs = session.blobs();
    let files = artifact.listed(&blobs)?;
    let id = model_id(&artifact.files);
    let Granted { rights, warnings, .. } = args.rights.rights(&blobs)?;
    let predicate = Predicate::Train(Train {
        subject: ModelSubject { name: model.clone(), id },
        on_behalf_of: args.on_behalf_of.as_deref().map(|who| session.person(who)).transpose()?,
        files,
        inputs: used.listed(&blobs)?,
        rights,
        code: args.code.as_deref().map(code).transpose()?,
        config: args.config.as_deref().map(digest).transpose()?,
        agents: agents(session, &args.agent)?,
    });
    let receipt = recording.record(predicate)?;
    let version = receipt.version;
    used.warnings.extend(warnings);
    warn(&used.warnings, output);
    if output.is_json() {
        output.document(&Document {
            schema: "mira.record/1",
            kind: "train",
            receipt,
            model: model.to_string(),
            version,
            model_id: id.to_string(),
            outputs: artifact.lines,
            inputs: used.lines,
            warnings: used.warnings,
        });
        return Ok(ExitCode::SUCCESS);
    }
    output.data(format_args!("{model}@{version}  a model of {}", counted(artifact.files.len() as u64, "file")));
    output.data(format_args!("model      {id}"));
    receipt.print(output);
    for line in &used.lines {
        output.data(format_args!("uses       {}", line.to_text()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Who took part.
fn agents(session: &Session, typed: &[String]) -> Result<Option<BTreeSet<Agent>>> {
    let mut agents = BTreeSet::new();
    for text in typed {
        let (role, who) = text.split_once('=').ok_or_else(|| {
            CliError::new(Kind::Usage, format!("{text:?} is not ROLE=WHO")).hint("for example --agent compute=cluster")
        })?;
        agents.insert(Agent { contributor_id: session.person(who)?, role: role.parse().kind(Kind::Usage)? });
    }
    Ok(Some(agents).filter(|agents| !agents.is_empty()))
}
