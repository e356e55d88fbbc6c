PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SLOW ?= not slow
SITE ?= .cache/site

.PHONY: demo test test-all lint page page-check site fuzz bench gallery wild clean

demo: $(VENV)/.installed ## install, export GPT-2, analyze it, write the report and the chart
	mkdir -p .cache/demo
	$(BIN)/onnx-params export transformers gpt2 --random-init -o .cache/demo/gpt2.onnx --force
	$(BIN)/onnx-params analyze .cache/demo/gpt2.onnx --format markdown -o reports/gpt2.md --chart figs/gpt2_pie_chart.png
	@head -n 40 reports/gpt2.md

test: lint ## run all checks but the slow ones
	$(BIN)/python -m pytest -m "$(SLOW)" --numprocesses auto --maxprocesses 4 --dist loadfile

test-all: $(VENV)/.frameworks ## the slow ones too, with Keras, JAX and XGBoost
	$(MAKE) test SLOW="slow or not slow"

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v npm > /dev/null; then $(MAKE) page-check; else echo "no npm: the page is not built"; fi

page: page/node_modules/.installed ## build the page that a report is shown on into the package
	cd page && npm run check && npm run build

page-check: page ## the committed bundle is what the sources give
	git diff --exit-code -- onnx_params/render/page

site: page/node_modules/.installed page/site/node_modules/.installed ## a page that reads dropped files, in .cache/site
	cd page && node_modules/.bin/tsc --noEmit -p site
	node page/site/build.mjs $(SITE)

fuzz: $(VENV)/.installed ## a million mutated models, then a million that atheris guides by what they reach
	$(BIN)/pip install -q atheris
	$(BIN)/python tests/support/fuzzing.py 1000000
	$(BIN)/python tests/support/fuzzing.py 1000000 --guided

bench: $(VENV)/.installed
	$(BIN)/pip install -q onnx-tool polygraphy
	$(BIN)/python benchmarks/read.py
	$(BIN)/python benchmarks/audit.py
	$(BIN)/python benchmarks/compare.py

gallery: $(VENV)/.installed ## export a dozen architectures, report each, rank all
	$(BIN)/python benchmarks/gallery.py

# these want an older transformers; what is built is not built again
LATER_OPTIMUM = distil-optimum distil-levels resnet-optimum

# in an environment of its own; what is built is not built again
PADDLE = paddle-both paddle-cnn paddle-gru paddle-gru_training paddle-lenet paddle-lstm paddle-mlp \
	paddle-mobilenet_v1 paddle-mobilenet_v2 paddle-mobilenet_v3 paddle-norms paddle-reader \
	paddle-shufflenet paddle-sound paddle-squeezenet paddle-stacked paddle-text paddle-text_half

# the wider kinds, in environments of their own
WIDER_QUANT_TF = separable-lite-tf outline-lite-tf residual-taught-tf residual-taught-lite-tf \
	residual-clustered-tf
WIDER_QUANT_GENAI = rounded-gptq-genai
WIDER_LAYOUTS_TF = bert_google keras_trained keras_slots keras_parts keras_adapted \
	keras_callback keras_listed tfjs lite_half frozen_graph second_keras_h5 second_keras_weights \
	second_keras_saved leaves nnx_orbax nnx_pickle haiku_trained equinox_headed
WIDER_FITTED = fitted-logistic fitted-perceptron fitted-perceptron_values fitted-ridge \
	fitted-vectors fitted-vectors_values fitted-process fitted-mixture fitted-discriminant \
	fitted-near fitted-forest fitted-boosting fitted-bayes fitted-means fitted-latent \
	fitted-one_rest fitted-stacked fitted-squares fitted-xgboost fitted-xgboost_json fitted-lightgbm \
	fitted-catboost fitted-catboost_json
WIDER_PADDLE = paddle-ernie paddle-llama paddle-recurrent paddle-volumes paddle-normed \
	paddle-detector paddle-reader paddle-matched paddle-mobilenet_v3_large paddle-shufflenet_swish \
	paddle-squeezenet_old paddle-mobilenet_v2_static
WIDER_WRITTEN = written-helper written-spox written-script written-ir-cnn written-spox-cnn \
	written-spox-lstm
WIDER_MXNET = mxnet-perceptron mxnet-pictures mxnet-words mxnet-gru mxnet-resnet mxnet-mobilenet \
	mxnet-mobilenet_v2 mxnet-densenet mxnet-tanh_rnn
WIDER_CHAINER = chainer-perceptron chainer-pictures chainer-turned chainer-words chainer-rated

wild: $(VENV)/.installed ## build the second zoo with the field's tools, audit it, plant faults
	benchmarks/wild/setup.sh
	.cache/wild/venv-arch/bin/python benchmarks/wild/build.py images
	.cache/wild/venv-arch/bin/python benchmarks/wild/build.py generative
	.cache/wild/venv-genai/bin/python benchmarks/wild/build.py genai
	.cache/wild/venv-quant/bin/python benchmarks/wild/build.py quantizers
	.cache/wild/venv-quant/bin/python benchmarks/wild/build.py layouts
	.cache/wild/venv-arch/bin/python benchmarks/wild/build.py fresh_models
	.cache/wild/venv-arch/bin/python benchmarks/wild/build.py unseen_models
	.cache/wild/venv-genai/bin/python benchmarks/wild/build.py fresh_llm
	.cache/wild/venv-genai/bin/python benchmarks/wild/build.py unseen_llm
	.cache/wild/venv-quant/bin/python benchmarks/wild/build.py fresh_quantizers
	.cache/wild/venv-quant/bin/python benchmarks/wild/build.py unseen_quantizers
	.cache/wild/venv-quant/bin/python benchmarks/wild/build.py fresh_layouts
	.cache/wild/venv-quant/bin/python benchmarks/wild/build.py unseen_layouts
	.cache/wild/venv-kept/bin/python benchmarks/wild/build.py kept_models
	.cache/wild/venv-kept-quant/bin/python benchmarks/wild/build.py kept_quantizers
	.cache/wild/venv-kept/bin/python benchmarks/wild/build.py kept_layouts
	.cache/wild/venv-later/bin/python benchmarks/wild/build.py later_models
	.cache/wild/venv-later/bin/python benchmarks/wild/build.py further_models
	.cache/wild/venv-later-optimum/bin/python benchmarks/wild/build.py later_quantizers $(LATER_OPTIMUM)
	.cache/wild/venv-later-quant/bin/python benchmarks/wild/build.py later_quantizers
	.cache/wild/venv-later-quant/bin/python benchmarks/wild/build.py later_layouts
	.cache/wild/venv-other/bin/python benchmarks/wild/build.py other_models
	.cache/wild/venv-other-quant/bin/python benchmarks/wild/build.py other_quantizers
	.cache/wild/venv-other-quant/bin/python benchmarks/wild/build.py other_layouts
	.cache/wild/venv-other-fw2/bin/python benchmarks/wild/build.py other_frameworks $(PADDLE)
	.cache/wild/venv-other-fw/bin/python benchmarks/wild/build.py other_frameworks
	.cache/wild/venv-wider/bin/python benchmarks/wild/build.py wider_models
	.cache/wild/venv-wider/bin/python benchmarks/wild/build.py drawn_models
	.cache/wild/venv-wider/bin/python benchmarks/wild/build.py drawn_again
	.cache/wild/venv-wider/bin/python benchmarks/wild/build.py drawn_third
	.cache/wild/venv-wider/bin/python benchmarks/wild/build.py drawn_fourth
	.cache/wild/venv-wider/bin/python benchmarks/wild/build.py drawn_fifth
	.cache/wild/venv-wider/bin/python benchmarks/wild/build.py drawn_sixth
	.cache/wild/venv-wider/bin/python benchmarks/wild/build.py drawn_seventh
	.cache/wild/venv-wider/bin/python benchmarks/wild/build.py drawn_eighth
	.cache/wild/venv-wider/bin/python benchmarks/wild/build.py drawn_ninth
	.cache/wild/venv-wider/bin/python benchmarks/wild/build.py drawn_tenth
	.cache/wild/venv-wider/bin/python benchmarks/wild/build.py drawn_eleventh
	.cache/wild/venv-wider/bin/python benchmarks/wild/build.py drawn_twelfth
	.cache/wild/venv-wider-quant/bin/python benchmarks/wild/build.py wider_quantizers rounded-gptq
	.cache/wild/venv-wider-quant-genai/bin/python benchmarks/wild/build.py wider_quantizers $(WIDER_QUANT_GENAI)
	TF_USE_LEGACY_KERAS=1 .cache/wild/venv-wider-quant-tf/bin/python benchmarks/wild/build.py wider_quantizers $(WIDER_QUANT_TF)
	.cache/wild/venv-wider-quant/bin/python benchmarks/wild/build.py wider_quantizers
	.cache/wild/venv-wider-layouts-tf/bin/python benchmarks/wild/build.py wider_layouts $(WIDER_LAYOUTS_TF)
	.cache/wild/venv-wider-layouts/bin/python benchmarks/wild/build.py wider_layouts
	.cache/wild/venv-wider-fw2/bin/python benchmarks/wild/build.py wider_frameworks $(WIDER_FITTED) $(WIDER_PADDLE) $(WIDER_WRITTEN)
	.cache/wild/venv-wider-fw3/bin/python benchmarks/wild/build.py wider_frameworks $(WIDER_MXNET) $(WIDER_CHAINER)
	.cache/wild/venv-wider-fw/bin/python benchmarks/wild/build.py wider_frameworks
	$(BIN)/python benchmarks/wild/measure.py --faults

# torch first and by number: a plain `torch` brings gigabytes of CUDA
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q torch==2.13.0
	$(BIN)/pip install -q -e '.[test]'
	touch $@

$(VENV)/.frameworks: $(VENV)/.installed
	$(BIN)/pip install -q -e '.[test-frameworks,test-browser]'
	touch $@

page/node_modules/.installed: page/package-lock.json
	cd page && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

page/site/node_modules/.installed: page/site/package-lock.json
	cd page/site && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

clean:
	rm -rf $(VENV) .cache page/node_modules page/site/node_modules
