#!/usr/bin/env bash
# Starts a release and follows it. Inputs come by environment (see action.yml), never by text substitution.
# Ends as `sluice` does: 0 promoted, 2 wrong input, 3 rolled back, 4 aborted, 5 still running, 6 refused, 7 failed.
set -uo pipefail

release_id=""

output() { echo "$1=$2" >> "$GITHUB_OUTPUT"; }

# A token lives for some minutes only, so each call gets its own.
fresh_token() {
  if [ -z "${ACTIONS_ID_TOKEN_REQUEST_URL:-}" ]; then
    echo "::error title=Sluice::the job needs \`permissions: id-token: write\`" && return 1
  fi
  SLUICE_TOKEN=$(
    curl -sSf --retry 3 --max-time 20 -H "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \
      "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=$AUDIENCE" | python3 -c 'import json, sys; print(json.load(sys.stdin)["value"])'
  ) || { echo "::error title=Sluice::GitHub gave no token" && return 1; }
  echo "::add-mask::$SLUICE_TOKEN"
  export SLUICE_TOKEN
}

result_of() {
  case "$1" in
    0) echo promoted ;; 3) echo rolled_back ;; 4) echo aborted ;; 5) echo running ;;
    6) echo refused ;; 7) echo failed ;; *) echo error ;;
  esac
}

finish() {
  local code=$1 result
  result=$([ "$WAIT" = true ] || [ "$code" != 0 ] && result_of "$code" || echo running)
  output result "$result"
  {
    echo "### Sluice: $TARGET"
    echo
    echo "| release | result |"
    echo "|---|---|"
    echo "| ${release_id:+[$release_id]($SLUICE_URL/releases/$release_id)} | $result |"
    if [ -n "$release_id" ]; then
      echo
      echo '```'
      fresh_token > /dev/null && sluice get "$release_id" --no-color
      echo '```'
    fi
  } >> "$GITHUB_STEP_SUMMARY" 2>&1
  [ "$code" = 0 ] || echo "::error title=Sluice::$TARGET: $result"
  exit "$code"
}

cancelled() {
  trap '' INT TERM
  kill $(jobs -p) 2> /dev/null
  if [ "$ON_CANCEL" = abort ] && [ -n "$release_id" ]; then
    fresh_token && sluice abort "$release_id" --reason "the GitHub job was cancelled"
    output result aborted
  else
    echo "::warning title=Sluice::release ${release_id:-} goes on"
    output result running
  fi
  exit 130
}

start() {
  local artifact=()
  [ -n "$VERSION" ] && artifact+=(--version "$VERSION")
  [ -n "$S3" ] && artifact+=(--s3 "$S3")
  [ -n "$IMAGE" ] && artifact+=(--image "$IMAGE")
  [ "$LATEST" = true ] && artifact+=(--latest)
  [ -n "${ON_BUSY:-}" ] && artifact+=(--on-busy "$ON_BUSY")
  fresh_token || return 1
  sluice start "$TARGET" "${artifact[@]}" --key "$KEY" --reason "${REASON:-$GITHUB_REPOSITORY@${GITHUB_SHA:0:12}}" \
    -o json > "$RUNNER_TEMP/sluice-release.json" || return
  release_id=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["release_id"])' "$RUNNER_TEMP/sluice-release.json") \
    || return 1
  output release-id "$release_id"
  output url "$SLUICE_URL/releases/$release_id"
  echo "release $release_id: $SLUICE_URL/releases/$release_id"
}

# In slices shorter than a token's life; lines that were shown already are not shown again.
follow() {
  local code=5 until=$((SECONDS + TIMEOUT * 60)) left
  echo "::group::Release $release_id of $TARGET"
  exec 3> >(exec awk '!seen[$0]++ { print; fflush() }')
  while [ "$code" = 5 ] && [ "$SECONDS" -lt "$until" ]; do
    left=$((until - SECONDS))
    fresh_token >&3 || { code=1; break; }
    sluice wait "$release_id" --no-color --timeout "$((left < 240 ? left : 240))s" >&3 2>&1 &
    wait "$!"  # not in the foreground: a signal must be heard at once
    code=$?
  done
  exec 3>&-
  sleep 0.2  # the last lines are still on their way
  echo "::endgroup::"
  return "$code"
}

trap cancelled INT TERM
start || finish $?
[ "$WAIT" = true ] || finish 0
follow
finish $?
